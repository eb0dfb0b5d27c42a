/**
 * A data provider for Refine.
 *
 * Promises: each of Refine's operators says what it means, or is refused before anything is sent. `meta` may have the other
 * members of a search, and `meta.filter` what no operator says, such as `some` of a list. A page may be a cursor, as `useInfiniteList`
 * hands back the one of the answer. Never writes.
 */

import type { BaseKey, CrudFilter, CrudSort, DataProvider, MetaQuery } from "@refinedev/core";

import { Client, PrejoinError, all } from "./index.js";
import type { Answer, Filter, Operators, Options, Scalar, Search, Sort } from "./index.js";
import { asked, shown } from "./meta.js";
import { holds, ordered, scalar, text } from "./value.js";

/** `server` is where prejoin listens, or a client of it; a resource is an index. */
export function dataProvider(server: string | Client, options: Options = {}): DataProvider {
  const client = Client.of(server, options);
  return {
    getApiUrl: () => client.url,
    getList: async ({ resource, pagination, sorters, filters, meta }) => {
      const { currentPage = 1, pageSize: size = 10, mode = "server" } = pagination ?? {};
      const search = searched(filters ?? [], sorters ?? [], meta, client.ownId(resource));
      const signal = meta?.queryContext?.signal;
      if (mode !== "server") return whole(client, resource, search, signal);
      const at: unknown = currentPage;
      const answer =
        typeof at === "string"
          ? await client.search(resource, { ...search, page: { size, after: at } }, signal)
          : await client.page(resource, search, { number: currentPage, size }, signal);
      const { data, page, total: counted, meta: told, ...others } = answer;
      const before = typeof at === "string" ? 0 : (currentPage - 1) * size;
      const total = totalled(answer, before, client.window - (client.window % size));
      const cursor = page.next === null ? {} : { cursor: { next: page.next } };
      return { data: data as never[], total, ...cursor, ...others, meta: { ...told, total: counted } };
    },
    getOne: async ({ resource, id, meta }) => ({
      data: (await client.one(resource, id, shown(meta), meta?.queryContext?.signal)) as never,
    }),
    getMany: async ({ resource, ids, meta }) => ({
      data: (await client.many(resource, ids as BaseKey[], shown(meta), meta?.queryContext?.signal)) as never[],
    }),
    create: reads,
    update: reads,
    deleteOne: reads,
  };
}

/** How many rows there are, as far as that is known: never more than there are, and enough for the next page to be offered. */
function totalled({ data, page, total }: Answer, before: number, reached: number): number {
  if (total === undefined) return before + data.length + (page.has_next ? 1 : 0);
  return total.relation === "eq" ? total.value : reached;
}

function reads(): Promise<never> {
  const what = "prejoin only reads: documents change with the services that own their parts";
  return Promise.reject(new PrejoinError(what, 405, "method_not_allowed"));
}

async function whole(client: Client, resource: string, search: Search, signal: AbortSignal | undefined) {
  const answer = await client.search(resource, { ...search, page: { size: client.pageSize } }, signal);
  const { data, page, meta, ...others } = answer;
  if (page.has_next) {
    const what = `there are more rows than the ${client.pageSize} of a page: ask for pages`;
    throw new PrejoinError(what, 0, "limit_exceeded");
  }
  return { ...others, data: data as never[], total: data.length, meta };
}

function searched(
  filters: readonly CrudFilter[],
  sorters: readonly CrudSort[],
  meta: MetaQuery | undefined,
  own: boolean,
): Search {
  const { sort: behind = [], filter, ...others } = asked(meta);
  const search: Search = { ...others };
  // The box of words of a list is a filter of that name.
  const box = filters.find((one) => "field" in one && one.field === "q");
  const words = text(box?.value);
  if (box && words !== undefined) {
    if (box.operator !== "eq" && box.operator !== "contains") throw unknown(box.operator, "contains", "for `q`");
    search.q = { ...others.q, text: words };
  }
  search.filter = all([...filters.filter((one) => one !== box).map((one) => said(one, own)), filter]);
  const keys: Sort[] = sorters.map(({ field, order }) => ({ field: ordered(field, own), order }));
  if (keys.length + behind.length > 0) search.sort = [...keys, ...behind];
  return search;
}

function unknown(operator: string, near: string, where = ""): PrejoinError {
  return new PrejoinError(`prejoin has no \`${operator}\`${where && ` ${where}`}; \`${near}\` is near`, 0, "unknown_operator");
}

/**
 * What a filter of Refine says, which is nothing where its value is `undefined`. `own` tells whether documents have an `id` of
 * their own.
 */
export function said(filter: CrudFilter, own = true): Filter {
  if (filter.operator === "and" || filter.operator === "or") {
    const value = filter.value as CrudFilter[];
    const members = value.map((one) => said(one, own)).filter((one) => Object.keys(one).length > 0);
    return members.length > 0 || value.length === 0 ? { [filter.operator]: members } : {};
  }
  const { operator, value } = filter;
  const { field } = filter as { field: string };
  const is = (operators: Operators) => holds(field, operators, own);
  if (operator === "null") return is({ exists: false });
  if (operator === "nnull") return is({ exists: true });
  if (value === undefined) return {};
  const one = () => scalar(field, value);
  const each = () => (Array.isArray(value) ? value : [value]).map((one) => scalar(field, one));
  const pair = () => each() as unknown as [Scalar, Scalar];
  const part = () => String(one());
  switch (operator) {
    case "eq":
    case "eqs":
      return is({ eq: one() });
    case "ne":
    case "nes":
      return is({ ne: one() });
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return is({ [operator]: one() });
    case "in":
      return is({ in: each() });
    case "nin":
      return is({ nin: each() });
    case "ina":
      return { and: each().map((one) => is({ eq: one })) };
    case "nina":
      return { not: { and: each().map((one) => is({ eq: one })) } };
    case "between":
      return is({ between: pair() });
    case "nbetween":
      return { not: is({ between: pair() }) };
    case "contains":
      return is({ icontains: part() });
    case "ncontains":
      return { not: is({ icontains: part() }) };
    case "containss":
      return is({ contains: part() });
    case "ncontainss":
      return { not: is({ contains: part() }) };
    case "startswiths":
      return is({ starts_with: part() });
    case "nstartswiths":
      return { not: is({ starts_with: part() }) };
    default:
      throw unknown(operator, operator.includes("starts") ? "startswiths" : "contains");
  }
}
