// Who is signed in, and what is theirs.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Me } from "./generated/api.ts";

/** What an administrator may do, as the API names it: `read-tenant`. */
export type Right = string;

const Context = createContext<Me | undefined>(undefined);

/** Hands down who is signed in. */
export const SignedIn = Context.Provider;

/** Who is signed in. Below the frame of every page there is somebody. */
export function useMe(): Me {
  const me = useContext(Context);
  if (me === undefined) throw new Error("nobody is signed in here");
  return me;
}

/** Whether that is theirs to do, perhaps after showing the second factor anew. */
export function may(me: Me, right: Right): boolean {
  return me.may.includes(right);
}
