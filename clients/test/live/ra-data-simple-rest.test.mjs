/** react-admin's `ra-data-simple-rest`, given nothing but a base URL. */
import assert from "node:assert/strict";
import { test } from "node:test";

import simpleRest from "ra-data-simple-rest";

import { COUNT, base, ids, index, refused } from "./shared.mjs";

const provider = simpleRest(base("ra-data-simple-rest"));
const list = (params) =>
  provider.getList(index, { pagination: { page: 1, perPage: 5 }, sort: { field: "id", order: "ASC" }, filter: {}, ...params });

test("a list is sorted and paged, and its total counted", async () => {
  const first = await list({ sort: { field: "amount", order: "DESC" }, filter: { status: "paid" } });
  assert.deepEqual(ids(first), [10047, 10043, 10039, 10035, 10031]);
  assert.equal(first.total, 2512);
  const second = await list({ sort: { field: "amount", order: "DESC" }, filter: { status: "paid" }, pagination: { page: 2, perPage: 5 } });
  assert.deepEqual(ids(second), [10027, 10023, 10019, 10015, 10011]);
  assert.deepEqual(ids(await list({})), [1, 2, 3, 4, 5]);
});

test("a filter says all that a form can say", async () => {
  const total = async (filter) => (await list({ filter })).total;
  assert.equal(await total({ status: ["paid", "draft"] }), 5024);
  assert.equal(await total({ account: { id: 3 } }), 1005);
  assert.equal(await total({ account: { id: "3" } }), 1005);
  assert.equal(await total({ amount: { gte: 5000, lt: 9000 } }), 4);
  assert.equal(await total({ signed_at: null }), 1435);
  assert.equal(await total({ settlements: { some: { status: { eq: "overdue" }, amount: { gt: 48_000 } } } }), 2);
  assert.equal(await total({ or: [{ id: 1 }, { "account.id": 9, amount: { lt: 20_000 } }] }), 3);
  assert.equal(await total({ q: "유지보수 17" }), 1);
});

test("documents are found by their ids", async () => {
  const one = await provider.getOne(index, { id: 7 });
  assert.equal(one.data.contract_no, "K-00007");
  assert.deepEqual(ids(await provider.getMany(index, { ids: [3, 1, 99999] })).sort(), [1, 3]);
  assert.equal((await refused(provider.getOne(index, { id: 99999 }))).status, 404);
});

test("documents that refer to another are a list", async () => {
  const params = { target: "account.id", id: 3, pagination: { page: 2, perPage: 3 }, sort: { field: "id", order: "DESC" }, filter: { status: "paid" } };
  const found = await provider.getManyReference(index, params);
  assert.deepEqual(ids(found), [9983, 9963, 9943]);
  assert.equal(found.total, 503);
});

test("a list of more rows than pages reach ends where they do", async () => {
  const last = await list({ pagination: { page: 2000, perPage: 5 } });
  assert.deepEqual(ids(last), [9996, 9997, 9998, 9999, 10000]);
  assert.equal(last.total, 10_000);
  assert.equal((await list({ filter: { amount: { gt: 0 } }, pagination: { page: 334, perPage: 30 } })).data.length, 10);
  assert.ok(COUNT > 10_000);
  const beyond = await refused(list({ pagination: { page: 2001, perPage: 5 } }));
  assert.equal(beyond.status, 422);
  assert.match(beyond.message, /pages reach the first 10000 rows/);
  assert.match(beyond.body.detail, /data provider/);
});

test("what cannot be said is refused in words that the page shows", async () => {
  const unknown = await refused(list({ filter: { statsu: "paid" } }));
  assert.deepEqual([unknown.status, unknown.message], [400, "unknown field `statsu`"]);
  assert.match((await refused(list({ filter: { settlements: { amount: 5 } } }))).message, /unknown operator/);
  assert.match((await refused(list({ meta: { embed: ["account"] } }))).message, /unknown parameter `embed`/);
  assert.match((await refused(list({ pagination: { page: 1, perPage: 1000 } }))).message, /a page has at most 200 rows/);
  const many = Array.from({ length: 201 }, (_, number) => number + 1);
  assert.match((await refused(provider.getMany(index, { ids: many }))).message, /more rows than the 200 of a page/);
});

test("nothing is written", async () => {
  const [id, data] = [1, { status: "paid" }];
  const writes = [
    () => provider.create(index, { data }),
    () => provider.update(index, { id, data, previousData: { id } }),
    () => provider.updateMany(index, { ids: [id], data }),
    () => provider.delete(index, { id }),
    () => provider.deleteMany(index, { ids: [id] }),
  ];
  for (const write of writes) {
    const error = await refused(write());
    assert.equal(error.status, 405);
    assert.match(error.message, /only read here/);
  }
});
