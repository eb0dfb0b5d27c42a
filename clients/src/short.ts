/**
 * Filters as forms make them, written out.
 *
 * Promises: a value stands for `eq`, a list for `in`, `null` for the lack of a value, and an object that has no operators for a path.
 * What is a filter of the API already stays what it is.
 */

import type { Filter, Operators, Scalar } from "./index.js";

const OPERATORS = new Set([
  "eq", "ne", "in", "nin", "lt", "lte", "gt", "gte", "between", "contains", "icontains", "starts_with", "match", "phrase",
  "exists", "some", "none", "every", "count",
]);

/** What a form has filled in. */
export type Short = Readonly<Record<string, unknown>>;

/** The filter that is meant. The words of `q` are no part of it. */
export function written(short: Short): Filter {
  const filters = Object.entries(short).flatMap(([name, value]) => named(name, value));
  return filters.length === 1 ? filters[0]! : filters.length === 0 ? {} : { and: filters };
}

function named(name: string, value: unknown): Filter[] {
  if (value === undefined) return [];
  if ((name === "and" || name === "or") && Array.isArray(value)) {
    return [{ [name]: value.map((one) => written(one as Short)) }];
  }
  if (name === "not" && isObject(value)) return [{ not: written(value) }];
  return field(name === "id" ? "_id" : name, value);
}

function field(path: string, value: unknown): Filter[] {
  if (value === undefined) return [];
  const fits = (one: unknown) => (path === "_id" ? String(one) : (one as Scalar));
  if (value === null) return [{ [path]: { exists: false } }];
  if (Array.isArray(value)) return [{ [path]: { in: value.map(fits) } }];
  if (!isObject(value)) return [{ [path]: { eq: fits(value) } }];
  const names = Object.keys(value);
  if (names.length > 0 && names.every((name) => OPERATORS.has(name))) return [{ [path]: value as Operators }];
  return names.flatMap((name) => field(`${path}.${name}`, value[name]));
}

function isObject(value: unknown): value is Short {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
