// Why a request to the directory was not done, in words.

import { known } from "./words.ts";

/** The words for how a request ended and why, where there are some: a rule or a fault by its name. */
export function reason({ result, reason: why }: { readonly result: string; readonly reason?: string | null | undefined }): string {
  if (why == null || why === "") return known(`app-charts-result-${result.replace("_", "-")}`) ?? result;
  return known(`app-charts-reason-${why.replaceAll("_", "-")}`) ?? why;
}
