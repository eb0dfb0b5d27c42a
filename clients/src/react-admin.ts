/**
 * A data provider for react-admin.
 *
 * Promises: a total is told where it is known, and `pageInfo` always, so that lists beyond 10,000 rows go on page by page.
 * `meta` may have the other members of a search; facets and the like come back in the answer's `meta`. Never writes.
 */

import type { DataProvider, GetListParams, GetManyReferenceParams, Identifier, SortPayload } from "ra-core";

import { Client, PrejoinError, all } from "./index.js";
import type { Answer, Options, Search, Sort } from "./index.js";
import { asked, shown } from "./meta.js";
import { written } from "./short.js";
import type { Short } from "./short.js";
import { ordered, text } from "./value.js";

export type { Meta } from "./meta.js";

const FIRST = { page: 1, perPage: 25 };

/** `server` is where prejoin listens, or a client of it; a resource is an index. */
export function dataProvider(server: string | Client, options: Options = {}): DataProvider {
  const client = Client.of(server, options);

  const list = async (resource: string, params: GetListParams, beside: Short) => {
    const { page: number, perPage: size } = params.pagination ?? FIRST;
    const search = searched([params.filter ?? {}, beside], params.sort, params.meta, client.ownId(resource));
    return listed(await client.page(resource, search, { number, size }, params.signal), number);
  };

  return {
    supportAbortSignal: true,
    getList: (resource, params) => list(resource, params, {}),
    getManyReference: (resource, params: GetManyReferenceParams) =>
      list(resource, params, { [params.target]: params.id }),
    getOne: async (resource, params) => ({
      data: (await client.one(resource, params.id, shown(params.meta), params.signal)) as never,
    }),
    getMany: async (resource, params) => ({
      data: (await client.many(resource, params.ids as Identifier[], shown(params.meta), params.signal)) as never,
    }),
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

/** The box of words of a list is a member `q` of its filter. */
function searched([{ q, ...fields }, beside]: [Short, Short], sort: SortPayload | undefined, meta: unknown, own: boolean): Search {
  const { sort: behind = [], filter, ...others } = asked(meta);
  const search: Search = { ...others, filter: all([written(fields, own), written(beside, own), filter]) };
  const words = text(q);
  if (words !== undefined) search.q = { ...others.q, text: words };
  const keys: Sort[] = sort?.field ? [{ field: ordered(sort.field, own), order: sort.order === "DESC" ? "desc" : "asc" }] : [];
  if (keys.length + behind.length > 0) search.sort = [...keys, ...behind];
  return search;
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
