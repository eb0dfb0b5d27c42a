/**
 * A data provider for react-admin.
 *
 * Promises: a total is told where it is known, and `pageInfo` always, so that lists beyond 10,000 rows go on page by page.
 * `meta` may have the other members of a search; facets and the like come back in the answer's `meta`. Never writes.
 */

import type { DataProvider, GetListParams, GetManyReferenceParams, Identifier, SortPayload } from "ra-core";

import { Client, PrejoinError, all } from "./index.js";
import type { Answer, Options, Search, Sort } from "./index.js";
import { written } from "./short.js";
import type { Short } from "./short.js";

/** Members of a search that `meta` may have. */
export type Meta = Pick<Search, "fields" | "count" | "q" | "highlight" | "facets" | "facet_filters" | "aggregate" | "view"> & {
  /** Keys of the order behind that of the list. */
  sort?: readonly Sort[];
  /** A filter beside that of the list. */
  filter?: Search["filter"];
};

const FIRST = { page: 1, perPage: 25 };

/** `url` is where prejoin listens; a resource is an index. */
export function dataProvider(url: string, options: Options = {}): DataProvider {
  const client = new Client(url, options);

  const list = async (resource: string, params: GetListParams, beside: Short) => {
    const { page: number, perPage: size } = params.pagination ?? FIRST;
    const search = searched({ ...params.filter, ...beside }, params.sort, params.meta);
    return listed(await client.page(resource, search, { number, size }, params.signal), number);
  };

  return {
    supportAbortSignal: true,
    getList: (resource, params) => list(resource, params, {}),
    getManyReference: (resource, params: GetManyReferenceParams) =>
      list(resource, params, { [params.target]: params.id }),
    getOne: async (resource, params) => {
      const { fields } = (params.meta ?? {}) as Meta;
      return { data: (await client.one(resource, params.id, fields, params.signal)) as never };
    },
    getMany: async (resource, params) => {
      const { fields, view } = (params.meta ?? {}) as Meta;
      const search: Search = { ...(fields && { fields }), ...(view && { view }) };
      return { data: (await client.many(resource, params.ids as Identifier[], search, params.signal)) as never };
    },
    create: reads,
    update: reads,
    updateMany: reads,
    delete: reads,
    deleteMany: reads,
  };
}

function reads(): Promise<never> {
  const what = "prejoin only reads: documents change with the services that own their parts";
  return Promise.reject(new PrejoinError(what, 405, "method_not_allowed"));
}

function searched(short: Short, sort: SortPayload | undefined, meta: Meta | undefined): Search {
  const { q, ...fields } = short;
  const { sort: behind = [], filter, ...others } = meta ?? {};
  const search: Search = { ...others, filter: all([written(fields), filter]) };
  if (typeof q === "string" && q.trim() !== "") search.q = { ...others.q, text: q };
  const keys: Sort[] = sort?.field ? [{ field: place(sort.field), order: sort.order === "DESC" ? "desc" : "asc" }] : [];
  const all_keys = [...keys, ...behind];
  if (all_keys.length > 0) search.sort = all_keys;
  return search;
}

/** A list without an order of its own asks for that of `id`. */
function place(field: string): string {
  return field === "id" ? "_id" : field;
}

function listed(answer: Answer, number: number) {
  const { data, page, total, meta, ...counted } = answer;
  return {
    data: data as never[],
    ...(total?.relation === "eq" && { total: total.value }),
    pageInfo: { hasNextPage: page.has_next, hasPreviousPage: number > 1 },
    meta: { ...counted, ...(total && { total }), next: page.next, ...meta },
  };
}
