// Operations about the policy of self-service and the look of the pages, whose document is not here yet.

/** A way to prove who one is. */
export type GateMethod = "mail" | "sms" | "app" | "passkey" | "recovery-code" | "questions" | "temporary-pass";

/** What people prove before a reset. */
export interface Gates {
  readonly gates: number;
  /** What the pages begin with first. */
  readonly methods: readonly GateMethod[];
  readonly to_register: number;
  readonly must_differ: boolean;
}

/** A group, by its id, or its name where there is none. */
export interface GroupRef {
  readonly id?: string | null | undefined;
  readonly name?: string | null | undefined;
}

/** The policy of self-service, as it is for everybody. */
export interface SsprPolicy {
  readonly only_groups?: readonly GroupRef[] | null | undefined;
  readonly proofs: Gates;
  readonly questions: { readonly to_register: number; readonly to_ask: number; readonly own: readonly string[] };
  readonly reconfirm_days: number;
  readonly expiry_mail_days: readonly number[];
}

/** What is known of a method. */
export interface MethodView {
  readonly name: GateMethod;
  readonly available: boolean;
  readonly lacks?: string | null | undefined;
  readonly registered: boolean;
  readonly opens_first: boolean;
  readonly for_administrators: boolean;
}

/** What the people of a group prove. */
export interface OfGroup {
  readonly group: GroupRef;
  readonly proofs: Gates;
  readonly reconfirm_days?: number | null | undefined;
}

/** A logo at its address on this server, in pixels. */
export interface LogoView {
  readonly address: string;
  readonly width: number;
  readonly height: number;
}

/** How well a colour can be read where it is the worst. */
export interface Contrast {
  readonly colour: string;
  readonly ratio: number;
}

/** How the pages are to look, but for the logos. */
export interface WantedLook {
  readonly name: string;
  readonly accent?: string | null | undefined;
  readonly accent_dark?: string | null | undefined;
  readonly helpdesk_url?: string | null | undefined;
}

/** How the pages look. */
export interface Look extends WantedLook {
  readonly contrast?: Contrast | null | undefined;
  readonly contrast_dark?: Contrast | null | undefined;
  readonly logo?: LogoView | null | undefined;
  readonly logo_dark?: LogoView | null | undefined;
}

interface Asked<Path, Body, Gives> {
  path: Path;
  query: {};
  body: Body;
  answer: Gives;
  keyed: false;
}

export interface ComingPolicy {
  "GET /sspr-policy": Asked<{}, undefined, SsprPolicy>;
  "PUT /sspr-policy": Asked<{}, SsprPolicy, SsprPolicy>;
  "GET /sspr-policy/methods": Asked<{}, undefined, readonly MethodView[]>;
  "GET /sspr-policy/groups": Asked<{}, undefined, readonly OfGroup[]>;
  "GET /sspr-policy/groups/{group}": Asked<{ group: string }, undefined, OfGroup>;
  "PUT /sspr-policy/groups/{group}": Asked<{ group: string }, Omit<OfGroup, "group">, OfGroup>;
  "DELETE /sspr-policy/groups/{group}": Asked<{ group: string }, undefined, undefined>;
  "GET /look": Asked<{}, undefined, Look>;
  "PUT /look": Asked<{}, WantedLook, Look>;
  "DELETE /look/logos/{logo}": Asked<{ logo: string }, undefined, undefined>;
}
