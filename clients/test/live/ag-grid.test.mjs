/** AG Grid's infinite row model: the grid itself, in a document without a screen. */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { JSDOM } from "jsdom";

import { base, index } from "./shared.mjs";

const dom = new JSDOM('<!doctype html><div id="grid"></div>', { pretendToBeVisual: true });
const names = [
  "document", "Node", "Element", "HTMLElement", "HTMLInputElement", "SVGElement", "DOMRect", "DOMParser", "Event", "CustomEvent", "KeyboardEvent",
  "MouseEvent", "FocusEvent", "MutationObserver", "getComputedStyle", "requestAnimationFrame", "cancelAnimationFrame", "navigator", "location",
];
globalThis.window = dom.window;
for (const name of names) globalThis[name] ??= dom.window[name];
const { AllCommunityModule, ModuleRegistry, createGrid } = await import("ag-grid-community");
ModuleRegistry.registerModules([AllCommunityModule]);

/** What the grid was answered, with what it had asked; and who waits for which of it. */
const answers = [];
let waiting;
function answered(answer) {
  answers.push(answer);
  waiting?.();
}
const datasource = (url) => ({
  getRows: async ({ startRow, endRow, sortModel, filterModel, successCallback, failCallback }) => {
    const asked = { startRow, endRow, sortModel, filterModel };
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) });
    const answer = await response.json();
    if (response.ok) successCallback(answer.rowData, answer.rowCount);
    else failCallback();
    answered({ status: response.status, asked, ...answer });
  },
});

const WAIT = 60_000;
/** The first block that the grid gets for what it asks from now on; a late one of what it asked before is none. */
async function next(act, is) {
  answers.length = 0;
  act();
  const found = () => answers.find(({ asked }) => asked.startRow === 0 && is(asked));
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(reject, WAIT, new Error("the grid asked for nothing, or was not answered"))));
  while (found() === undefined) await Promise.race([late, new Promise((resolve) => (waiting = resolve))]);
  clearTimeout(timer);
  return found();
}
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
let grid;
const begin = () => {
  grid = createGrid(document.getElementById("grid"), {
    rowModelType: "infinite",
    cacheBlockSize: 50,
    columnDefs: [
      { field: "id", filter: "agNumberColumnFilter" },
      { field: "amount", filter: "agNumberColumnFilter" },
      { field: "status", filter: "agTextColumnFilter" },
      { field: "account.name", filter: "agTextColumnFilter" },
      { field: "signed_at", filter: "agDateColumnFilter" },
      { field: "settlements.amount", filter: "agNumberColumnFilter" },
    ],
    datasource: datasource(`${base("ag-grid")}/${index}`),
  });
};
after(() => {
  grid.destroy();
  dom.window.close();
});
const filtered = (model) => next(() => grid.setFilterModel(model), ({ filterModel }) => same(filterModel, grid.getFilterModel()));
const ids = ({ rowData }) => rowData.map((row) => row.id);

test("the first block comes with a number of rows that the grid can scroll to", async () => {
  const answer = await next(begin, () => true);
  assert.equal(answer.status, 200);
  assert.equal(ids(answer).length, 50);
  assert.equal(answer.rowCount, 10_000);
});

test("blocks are sorted, filtered and counted", async () => {
  const sort = () => grid.applyColumnState({ state: [{ colId: "amount", sort: "desc" }] });
  await next(sort, ({ sortModel }) => sortModel[0]?.colId === "amount");
  const answer = await filtered({ status: { filterType: "text", type: "equals", filter: "paid" } });
  assert.deepEqual(ids(answer).slice(0, 3), [10047, 10043, 10039]);
  assert.equal(answer.rowCount, 2512);
  assert.equal(grid.getDisplayedRowCount(), 2512);
  assert.equal(grid.getDisplayedRowAtIndex(0).data.contract_no, "K-10047");
});

test("each kind of filter finds what the grid would", async () => {
  const count = async (model) => (await filtered(model)).rowCount;
  const number = (type, filter, filterTo) => ({ filterType: "number", type, filter, filterTo });
  const text = (type, filter) => ({ filterType: "text", type, filter });
  const date = (type, dateFrom, dateTo = null) => ({ filterType: "date", type, dateFrom, dateTo });
  assert.equal(await count({ amount: number("inRange", 5000, 9000) }), 3);
  assert.equal(await count({ amount: number("lessThanOrEqual", 9000), status: text("notEqual", "paid") }), 7);
  assert.equal(await count({ "account.name": text("contains", "account 3") }), 1005);
  assert.equal(await count({ signed_at: date("blank") }), 1435);
  assert.equal(await count({ signed_at: date("equals", "2026-01-02 00:00:00"), amount: number("lessThan", 60_000) }), 3);
  const conditions = [number("equals", 1000), number("greaterThan", 10_049_000)];
  assert.equal(await count({ amount: { filterType: "number", operator: "OR", conditions } }), 2);
  assert.equal(await count({ id: number("lessThan", 8) }), 7);
});

test("what cannot be answered is refused, and said", async () => {
  const beside = await filtered({ status: { filterType: "text", type: "endsWith", filter: "id" } });
  assert.deepEqual([beside.status, beside.code], [422, "unsupported_pattern"]);
  const list = await filtered({ "settlements.amount": { filterType: "number", type: "equals", filter: 1 } });
  assert.deepEqual([list.status, list.code], [400, "needs_some"]);
  const send = (body) =>
    fetch(`${base("ag-grid")}/${index}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert.equal((await send({ startRow: 10_000, endRow: 10_050, sortModel: [], filterModel: {} })).status, 422);
  assert.equal((await fetch(`${base("ag-grid")}/${index}`)).status, 405);
});
