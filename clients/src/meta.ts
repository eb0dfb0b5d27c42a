/**
 * What `meta` may say of a search, in either framework.
 *
 * Promises: only what is known is taken. Everything else in `meta` is the app's own, and never sent.
 */

import type { Search } from "./index.js";

const MEMBERS = [
  "fields", "count", "q", "highlight", "facets", "facet_filters", "aggregate", "view", "sort", "filter",
] as const satisfies readonly (keyof Search)[];

/** Members of a search. `sort` has the keys behind those of the list, `filter` is one beside the list's. */
export type Meta = Pick<Search, (typeof MEMBERS)[number]>;

export function asked(meta: unknown): Meta {
  const said = (meta ?? {}) as Meta;
  return Object.fromEntries(MEMBERS.filter((name) => said[name] !== undefined).map((name) => [name, said[name]]));
}

/** What `meta` says of documents that are found by their ids. */
export function shown(meta: unknown): Pick<Search, "fields" | "view" | "filter"> {
  const { fields, view, filter } = asked(meta);
  return { ...(fields && { fields }), ...(view && { view }), ...(filter && { filter }) };
}
