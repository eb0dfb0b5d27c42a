/** The data providers of this package, on a running server. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { dataProvider as reactAdmin } from "prejoin-data-provider/react-admin";
import { dataProvider as refine } from "prejoin-data-provider/refine";

import { ids, index, refused, server } from "./shared.mjs";

const admin = reactAdmin(server);
const provider = refine(server);
const list = (params) =>
  admin.getList(index, { pagination: { page: 1, perPage: 5 }, sort: { field: "amount", order: "ASC" }, filter: {}, ...params });
const is = (field, operator, value) => ({ field, operator, value });
const found = async (...filters) => ids(await provider.getList({ resource: index, filters, sorters: [{ field: "amount", order: "asc" }] }));

test("react-admin: lists, references, counts and pages", async () => {
  const answer = await list({ filter: { status: "paid", account: { id: 3 }, q: "lease" }, meta: { facets: { status: {} }, facet_filters: { status: { in: ["paid"] } } } });
  assert.deepEqual([ids(answer), answer.total], [[3, 23, 43, 63, 83], 503]);
  assert.deepEqual(answer.pageInfo, { hasNextPage: true, hasPreviousPage: false });
  assert.equal(answer.meta.facets.status.buckets.find(({ value }) => value === "paid").selected, true);
  assert.equal((await admin.getOne(index, { id: 7 })).data.contract_no, "K-00007");
  assert.deepEqual(ids(await admin.getMany(index, { ids: [3, 1, 99999] })).sort(), [1, 3]);
  const reference = { target: "account.id", id: 3, pagination: { page: 1, perPage: 2 }, sort: { field: "amount", order: "DESC" }, filter: {} };
  assert.deepEqual(ids(await admin.getManyReference(index, reference)), [10043, 10033]);
  assert.deepEqual(ids(await list({ sort: { field: "id", order: "ASC" }, filter: { id: { gt: 8 } } })), [9, 10, 11, 12, 13]);
  const some = { settlements: { some: { status: "x" } } };
  assert.equal((await refused(list({ filter: some }))).status, 400);
  assert.equal((await list({ filter: { settlements: { some: { status: { eq: "overdue" } } } } })).total, 50);
});

test("react-admin: beyond the window, pages go on one after the other", async () => {
  const at = (page) => list({ pagination: { page, perPage: 100 } });
  assert.match((await refused(at(101))).message, /pages by number reach the first 10000 rows/);
  const last = await at(100);
  assert.deepEqual([last.total, last.pageInfo.hasNextPage], [undefined, true]);
  const beyond = await at(101);
  assert.deepEqual([ids(beyond).length, ids(beyond)[0], beyond.pageInfo.hasNextPage], [50, 10_001, false]);
});

test("a search that is given up is ended", async () => {
  const control = new AbortController();
  control.abort();
  assert.equal((await refused(list({ signal: control.signal }))).name, "AbortError");
  const meta = { queryContext: { signal: control.signal } };
  assert.equal((await refused(provider.getList({ resource: index, meta }))).name, "AbortError");
});

test("refine: every operator is what it says", async () => {
  const least = is("amount", "lte", 8000);
  assert.deepEqual(await found(is("amount", "gt", 5000), is("amount", "lt", 9000)), [6, 7, 8]);
  assert.deepEqual(await found(is("amount", "between", [2000, 4000])), [2, 3, 4]);
  assert.deepEqual(await found(is("amount", "nbetween", [2000, 10_049_000])), [1, 10050]);
  assert.deepEqual(await found(least, is("status", "in", ["paid", "draft"])), [3, 4, 7, 8]);
  assert.deepEqual(await found(least, is("status", "nin", ["paid", "draft"])), [1, 2, 5, 6]);
  assert.deepEqual(await found(least, is("status", "ne", "paid")), [1, 2, 4, 5, 6, 8]);
  assert.deepEqual(await found(least, is("signed_at", "null", true)), [7]);
  assert.deepEqual(await found(least, is("signed_at", "nnull", true), is("id", "in", [7, 8])), [8]);
  assert.deepEqual(await found(is("contract_no", "contains", "k-0000"), is("amount", "lt", 3000)), [1, 2]);
  assert.deepEqual(await found(is("contract_no", "containss", "k-0000")), []);
  assert.deepEqual(await found(is("contract_no", "startswiths", "K-1005")), [10050]);
  assert.deepEqual(await found(is("contract_no", "ncontains", "00"), least), []);
  assert.deepEqual(await found(is("id", "lt", 12), is("id", "gte", 9), is("id", "ne", 10), is("title", "contains", undefined)), [9, 11]);
  const or = { operator: "or", value: [is("id", "eq", 5), { operator: "and", value: [is("status", "eq", "draft"), is("amount", "lte", 4000)] }] };
  assert.deepEqual(await found(or), [4, 5]);
  assert.match((await refused(found(is("title", "endswith", "x")))).message, /has no `endswith`/);
});

test("refine: pages, totals, cursors, lists of lists and aggregates", async () => {
  const meta = { filter: { settlements: { some: { status: { eq: "overdue" }, amount: { gt: 48_000 } } } }, aggregate: { by: { type: "group", by: ["status"] } } };
  const answer = await provider.getList({ resource: index, meta, sorters: [{ field: "status", order: "asc" }, { field: "id", order: "desc" }] });
  assert.deepEqual([ids(answer).sort(), answer.total], [[49, 50], 2]);
  assert.equal(answer.aggregates.by.buckets.length, 2);
  assert.equal((await provider.getList({ resource: index, pagination: { pageSize: 30 } })).total, 9990);
  assert.equal((await provider.getList({ resource: index, meta: { count: "exact" } })).total, 10_050);
  assert.equal((await provider.getList({ resource: index, meta: { count: "none" } })).total, 11);
  const first = await provider.getList({ resource: index, sorters: [{ field: "amount", order: "asc" }], pagination: { pageSize: 2 } });
  const pagination = { currentPage: first.cursor.next, pageSize: 2 };
  assert.deepEqual(ids(await provider.getList({ resource: index, sorters: [{ field: "amount", order: "asc" }], pagination })), [3, 4]);
  assert.equal((await provider.getList({ resource: index, filters: [is("q", "eq", "유지보수 17")], pagination: { mode: "off" } })).total, 1);
  assert.equal((await refused(provider.getList({ resource: index, pagination: { mode: "off" } }))).code, "limit_exceeded");
  assert.deepEqual(ids(await provider.getMany({ resource: index, ids: [3, 1] })).sort(), [1, 3]);
  assert.equal((await provider.getOne({ resource: index, id: 7 })).data.id, 7);
  const overdue = { filter: { status: { eq: "overdue" } } };
  assert.equal((await provider.getOne({ resource: index, id: 6, meta: overdue })).data.id, 6);
  assert.equal((await refused(provider.getOne({ resource: index, id: 7, meta: overdue }))).code, "unknown_document");
});

test("what is refused says why, and nothing is written", async () => {
  const error = await refused(list({ filter: { statsu: "paid" } }));
  assert.deepEqual([error.status, error.statusCode, error.code], [400, 400, "unknown_field"]);
  assert.match(error.message, /unknown field `statsu`: did you mean `status`\?/);
  const writes = [
    () => admin.create(index, { data: {} }),
    () => admin.delete(index, { id: 1 }),
    () => provider.update({ resource: index, id: 1, variables: {} }),
  ];
  for (const write of writes) assert.equal((await refused(write())).status, 405);
});
