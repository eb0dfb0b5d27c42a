/**
 * Values and fields as front ends have them, in the API's words.
 *
 * Promises: what is no value is refused, and never sent as another. A row's `id` is found by `_id`, which is a text; it is the
 * document's own `id`, where there is one, that rows are ordered and compared by.
 */

import { PrejoinError, all } from "./index.js";
import type { Filter, Operators, Scalar } from "./index.js";

/** What a field is compared with: a text, a finite number, a boolean, or what writes itself as one, as a `Date` does. */
export function scalar(field: string, value: unknown): Scalar {
  const writes = typeof value === "object" && value !== null && "toJSON" in value && typeof value.toJSON === "function";
  const plain: unknown = writes ? (value as { toJSON: () => unknown }).toJSON() : value;
  if (typeof plain === "string" || typeof plain === "boolean" || Number.isFinite(plain)) return plain as Scalar;
  throw invalid(`what \`${field}\` is compared with is no value`);
}

/** The words to search for, if there are any. */
export function text(q: unknown): string | undefined {
  if (q === undefined || q === null) return undefined;
  if (typeof q !== "string") throw invalid("what `q` searches for is no text");
  return q.trim() === "" ? undefined : q;
}

export function invalid(what: string): PrejoinError {
  return new PrejoinError(what, 0, "invalid_value");
}

/** The field that rows are ordered by; `own` tells whether documents have an `id` of their own. */
export function ordered(field: string, own: boolean): string {
  return field === "id" && !own ? "_id" : field;
}

const FINDING = new Set(["eq", "ne", "in", "nin"]);

/** What holds for a field. */
export function holds(field: string, operators: Operators, own: boolean): Filter {
  if (field !== "id" && field !== "_id") return { [field]: operators };
  const filters = Object.entries(operators).map(([operator, value]): Filter => {
    if (!FINDING.has(operator)) return { [ordered(field, own)]: { [operator]: value } };
    return { _id: { [operator]: Array.isArray(value) ? value.map(String) : String(value) } };
  });
  return all(filters);
}
