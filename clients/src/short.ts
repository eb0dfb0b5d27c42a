/**
 * Filters as forms make them, written out.
 *
 * Promises: a value stands for `eq`, a list for `in`, `null` for the lack of a value, and an object that has no operators for a path.
 * What is `undefined` is left out, and what says nothing else is refused. What is a filter of the API already stays what it is.
 */

import { all } from "./index.js";
import type { Filter } from "./index.js";
import { holds, invalid, scalar } from "./value.js";

const OPERATORS = new Set([
  "eq", "ne", "in", "nin", "lt", "lte", "gt", "gte", "between", "contains", "icontains", "starts_with", "match", "phrase",
  "exists", "some", "none", "every", "count",
]);

/** What a form has filled in. */
export type Short = Readonly<Record<string, unknown>>;

/** The filter that is meant. The words of `q` are no part of it; `own` tells whether documents have an `id` of their own. */
export function written(short: Short, own: boolean): Filter {
  return all(Object.entries(short).flatMap(([name, value]) => named(name, value, own)));
}

function named(name: string, value: unknown, own: boolean): Filter[] {
  if ((name === "and" || name === "or") && Array.isArray(value)) {
    const members = value.flatMap((one) => member(name, one, own));
    return members.length > 0 || value.length === 0 ? [{ [name]: members }] : [];
  }
  if (name === "not" && isObject(value)) return member(name, value, own).map((filter) => ({ not: filter }));
  return field(name, value, own);
}

function member(group: string, value: unknown, own: boolean): Filter[] {
  if (!isObject(value) || Object.keys(value).length === 0) throw invalid(`what is in \`${group}\` says nothing`);
  const filter = written(value, own);
  return Object.keys(filter).length > 0 ? [filter] : [];
}

function field(path: string, value: unknown, own: boolean): Filter[] {
  if (value === undefined) return [];
  if (value === null) return [holds(path, { exists: false }, own)];
  if (Array.isArray(value)) return [holds(path, { in: value.map((one) => scalar(path, one)) }, own)];
  if (!isObject(value)) return [holds(path, { eq: scalar(path, value) }, own)];
  const members = Object.entries(value);
  if (members.length === 0) throw invalid(`what is asked of \`${path}\` says nothing`);
  if (!members.every(([name]) => OPERATORS.has(name))) {
    return members.flatMap(([name, value]) => field(`${path}.${name}`, value, own));
  }
  const operators = members.filter(([, value]) => value !== undefined);
  return operators.length > 0 ? [holds(path, Object.fromEntries(operators), own)] : [];
}

/** An object that is written as `{}`, of whichever frame; no `Date`, and of no class. */
function isObject(value: unknown): value is Short {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === null || Object.getPrototypeOf(prototype) === null) && !("toJSON" in value);
}
