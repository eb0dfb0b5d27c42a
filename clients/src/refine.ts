/**
 * A data provider for Refine.
 *
 * Promises: each of Refine's operators says what it means, or is refused before anything is sent. `meta` may have the other
 * members of a search, and `meta.filter` what no operator says, such as `some` of a list. A page may be a cursor, as `useInfiniteList`
 * hands back the one of the answer. Never writes.
 */

import type { BaseKey, CrudFilter, CrudSort, DataProvider, MetaQuery } from "@refinedev/core";

import { Client, PrejoinError, WINDOW, all } from "./index.js";
import type { Filter, Operators, Options, Scalar, Search, Sort } from "./index.js";

/** Rows of a page when Refine asks for all. */
const MOST_ROWS = 200;

/** `url` is where prejoin listens; a resource is an index. */
export function dataProvider(url: string, options: Options = {}): DataProvider {
  const client = new Client(url, options);
  return {
    getApiUrl: () => url,
    getList: async ({ resource, pagination, sorters, filters, meta }) => {
      const { currentPage = 1, pageSize = 10, mode = "server" } = pagination ?? {};
      const search = searched(filters ?? [], sorters ?? [], meta);
      const signal = meta?.queryContext?.signal;
      if (mode !== "server") return whole(await client.search(resource, { ...search, page: { size: MOST_ROWS } }, signal));
      const at: unknown = currentPage;
      const answer =
        typeof at === "string"
          ? await client.search(resource, { ...search, page: { size: pageSize, after: at } }, signal)
          : await client.page(resource, search, { number: currentPage, size: pageSize }, signal);
      const { data, page, total: counted, meta: told, ...others } = answer;
      const reached = WINDOW - (WINDOW % pageSize);
      const total = counted === undefined ? data.length : counted.relation === "eq" ? counted.value : reached;
      const cursor = page.next === null ? {} : { cursor: { next: page.next } };
      return { data: data as never[], total, ...cursor, ...others, meta: { ...told, total: counted } };
    },
    getOne: async ({ resource, id, meta }) => {
      const { fields } = searched([], [], meta);
      return { data: (await client.one(resource, id, fields, meta?.queryContext?.signal)) as never };
    },
    getMany: async ({ resource, ids, meta }) => {
      const { fields } = searched([], [], meta);
      const search: Search = fields === undefined ? {} : { fields };
      return { data: (await client.many(resource, ids as BaseKey[], search, meta?.queryContext?.signal)) as never[] };
    },
    create: reads,
    update: reads,
    deleteOne: reads,
  };
}

function reads(): Promise<never> {
  const what = "prejoin only reads: documents change with the services that own their parts";
  return Promise.reject(new PrejoinError(what, 405, "method_not_allowed"));
}

function whole({ data, page, meta, ...others }: Awaited<ReturnType<Client["search"]>>) {
  if (page.has_next) {
    const what = `there are more rows than the ${MOST_ROWS} of a page: ask for pages`;
    throw new PrejoinError(what, 0, "limit_exceeded");
  }
  return { ...others, data: data as never[], total: data.length, meta };
}

function searched(filters: readonly CrudFilter[], sorters: readonly CrudSort[], meta: MetaQuery | undefined): Search {
  const { fields, count, q, highlight, facets, facet_filters, aggregate, view, filter, sort } = (meta ?? {}) as Search;
  const search: Search = { ...defined({ fields, count, q, highlight, facets, facet_filters, aggregate, view }) };
  // The box of words of a list is a filter of that name.
  const words = filters.find((one) => "field" in one && one.field === "q");
  if (words && String(words.value ?? "").trim() !== "") search.q = { ...q, text: String(words.value) };
  search.filter = all([...filters.filter((one) => one !== words).map(said), filter]);
  const keys: Sort[] = sorters.map(({ field, order }) => ({ field: named(field), order }));
  if (keys.length + (sort?.length ?? 0) > 0) search.sort = [...keys, ...(sort ?? [])];
  return search;
}

function defined<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

function named(field: string): string {
  return field === "id" ? "_id" : field;
}

/** What a filter of Refine says. */
export function said(filter: CrudFilter): Filter {
  if (filter.operator === "and" || filter.operator === "or") {
    return { [filter.operator]: (filter.value as CrudFilter[]).map(said) };
  }
  const { operator, value } = filter;
  const { field } = filter as { field: string };
  const path = named(field);
  const fits = (one: unknown) => (path === "_id" ? String(one) : (one as Scalar));
  const is = (operators: Operators): Filter => ({ [path]: operators });
  const each = () => (Array.isArray(value) ? value.map(fits) : [fits(value)]);
  const pair = () => each() as unknown as [Scalar, Scalar];
  switch (operator) {
    case "eq":
    case "eqs":
      return is({ eq: fits(value) });
    case "ne":
    case "nes":
      return is({ ne: fits(value) });
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return is({ [operator]: fits(value) });
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
      return is({ icontains: String(value) });
    case "ncontains":
      return { not: is({ icontains: String(value) }) };
    case "containss":
      return is({ contains: String(value) });
    case "ncontainss":
      return { not: is({ contains: String(value) }) };
    case "startswiths":
      return is({ starts_with: String(value) });
    case "nstartswiths":
      return { not: is({ starts_with: String(value) }) };
    case "null":
      return is({ exists: false });
    case "nnull":
      return is({ exists: true });
    default: {
      const near = operator.includes("starts") ? "startswiths" : "contains";
      throw new PrejoinError(`prejoin has no \`${operator}\`; \`${near}\` is near`, 0, "unknown_operator");
    }
  }
}
