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

/** As the README has it. */
const datasource = (url, answered) => ({
  getRows: async ({ startRow, endRow, sortModel, filterModel, successCallback, failCallback }) => {
    const body = JSON.stringify({ startRow, endRow, sortModel, filterModel });
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const answer = await response.json();
    if (response.ok) successCallback(answer.rowData, answer.rowCount);
    else failCallback();
    answered({ status: response.status, ...answer });
  },
});

/** The next answer that the grid gets. */
let waiting;
const next = (act) =>
  new Promise((resolve) => {
    waiting = resolve;
    act?.();
  });
let grid;
const first = next(() => {
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
    datasource: datasource(`${base("ag-grid")}/${index}`, (answer) => waiting(answer)),
  });
});
after(() => {
  grid.destroy();
  dom.window.close();
});
const filtered = (model) => next(() => grid.setFilterModel(model));
const ids = ({ rowData }) => rowData.map((row) => row.id);

test("the first block comes with a number of rows that the grid can scroll to", async () => {
  const answer = await first;
  assert.equal(answer.status, 200);
  assert.equal(ids(answer).length, 50);
  assert.equal(answer.rowCount, 10_000);
});

test("blocks are sorted, filtered and counted", async () => {
  await next(() => grid.applyColumnState({ state: [{ colId: "amount", sort: "desc" }] }));
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
