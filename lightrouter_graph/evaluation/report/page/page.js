"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const SIGNS = { right: "✓", wrong: "✗", failed: "!", unscored: "–" };

  // Texts of models enter the page as text nodes only.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  // ---- theme

  const theme = at("theme");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark";
  const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  prefersDark.addEventListener("change", nameTheme);
  nameTheme();
  theme.hidden = false;

  // ---- the main table

  function sortBy(table, place) {
    const heads = [...table.tHead.rows[0].cells];
    const down = heads[place].getAttribute("aria-sort") === "descending" || (place === 0 && !heads[place].ariaSort);
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[place].setAttribute("aria-sort", down ? "ascending" : "descending");
    const sign = down ? 1 : -1;
    const keyed = [...table.tBodies[0].rows].map((row) => [keyOf(row.cells[place]), row]);
    keyed.sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : sign * compare(a, b)));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  }

  function keyOf(cell) {
    if (cell.dataset.order === undefined) return cell.textContent;
    return cell.dataset.order === "" ? null : Number(cell.dataset.order);
  }

  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));

  const table = at("methods");
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    head.querySelector("button").addEventListener("click", () => sortBy(table, place));
  });

  // ---- which questions are listed

  const VERDICTS = [
    ["", "any"],
    ["right", "right"],
    ["wrong", "wrong"],
    ["missed", "wrong, but a candidate was right"],
    ["failed", "no answer"],
    ["differ", "methods differ"],
  ];
  const filters = { category: at("category"), method: at("method"), verdict: at("verdict"), search: at("search") };
  const methodAt = () => Number(filters.method.value);
  const resultOf = (question) => question.results[methodAt()] ?? null;

  const TESTS = {
    "": () => true,
    right: (question) => resultOf(question)?.verdict === "right",
    wrong: (question) => resultOf(question)?.verdict === "wrong",
    failed: (question) => resultOf(question)?.verdict === "failed",
    missed: (question) => ["wrong", "failed"].includes(resultOf(question)?.verdict) && question.candidates.some((one) => one.right),
    differ: (question) => {
      const compared = question.results.filter((result, place) => result && data.methods[place].compared);
      const verdicts = new Set(compared.map((result) => result.verdict));
      return verdicts.has("right") && verdicts.size > 1;
    },
  };

  function found(question) {
    const words = filters.search.value.trim().toLowerCase();
    const text = `${question.id}\n${question.text.shown}\n${question.reference?.shown ?? ""}`.toLowerCase();
    const category = filters.category.value === "" || data.categories[filters.category.value] === question.category;
    return category && TESTS[filters.verdict.value](question) && text.includes(words);
  }

  let listed = [];
  let open = null;

  function list() {
    listed = data.questions.filter(found);
    at("count").textContent = `${listed.length} of ${data.questions.length} questions`;
    at("list").replaceChildren(...listed.map(entry));
    show(listed.includes(open) ? open : listed[0] ?? null);
  }

  function entry(question) {
    const verdict = resultOf(question)?.verdict ?? "unscored";
    const title = question.category === null ? question.id : `${question.id} · ${question.category}`;
    const sign = make("span", { class: verdict, "aria-hidden": "true" }, SIGNS[verdict]);
    const button = make("button", { type: "button", tabindex: -1, title }, sign, make("span", {}, title, make("span", { class: "unseen" }, `, ${verdict}`)));
    button.addEventListener("click", () => { show(question); });
    return make("li", {}, button);
  }

  at("list").addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -listed.length, End: listed.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    step(steps[event.key]);
    at("list").querySelector("[aria-current]")?.focus();
  });

  function step(by) {
    if (listed.length) show(listed[Math.min(listed.length - 1, Math.max(0, listed.indexOf(open) + by))]);
  }

  // ---- one question

  let routeAt = null;

  function show(question) {
    open = question;
    const buttons = at("list").querySelectorAll("button");
    buttons.forEach((button, place) => {
      const current = listed[place] === question;
      button.tabIndex = current ? 0 : -1;
      if (current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
    reveal(buttons[listed.indexOf(question)]);
    at("case").replaceChildren(...(question ? caseOf(question) : [make("p", {}, "No question matches these filters.")]));
    if (question) window.history.replaceState(null, "", `#q=${encodeURIComponent(question.id)}`);
  }

  // Scrolls only the list; scrollIntoView would scroll the whole page.
  function reveal(button) {
    const box = at("list");
    if (!button) return;
    const [outer, inner] = [box.getBoundingClientRect(), button.getBoundingClientRect()];
    if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top + 4;
    if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + 4;
  }

  function caseOf(question) {
    const routed = data.methods.map((_, place) => place).filter((place) => question.results[place]?.route);
    const wanted = [routeAt, methodAt(), routed[0]].find((place) => routed.includes(place));
    return [
      steps(question),
      ...textOf("Question", question.text),
      ...(question.reference ? textOf("Reference", question.reference) : []),
      make("h3", {}, "Methods"),
      methodTable(question),
      make("h3", {}, "Candidates"),
      ...(wanted === undefined ? [] : routeOf(question, routed, wanted)),
      ...candidatesOf(question, question.results[wanted]?.route ?? null),
    ];
  }

  function steps(question) {
    const place = listed.indexOf(question);
    const back = make("button", { type: "button", id: "previous", disabled: place <= 0 }, "← Previous");
    const on = make("button", { type: "button", id: "next", disabled: place >= listed.length - 1 }, "Next →");
    const move = (by, id) => { step(by); (at(id).disabled ? at("case") : at(id)).focus({ preventScroll: true }); };
    back.addEventListener("click", () => move(-1, "previous"));
    on.addEventListener("click", () => move(1, "next"));
    const title = make("h3", { id: "title" }, question.id, question.category === null ? "" : ` · ${question.category}`);
    return make("div", { class: "steps" }, title, make("span", { class: "faint" }, `${place + 1} of ${listed.length}`), back, on);
  }

  const cutNote = (text) => {
    const shown = Array.from(text.shown).length;
    return shown < text.length ? make("p", { class: "faint" }, `Truncated: the first ${count(shown)} of ${count(text.length)} characters.`) : null;
  };

  function textOf(title, text) {
    return [make("h3", {}, title), make("pre", { class: "text", tabindex: 0 }, text.shown), cutNote(text)].filter(Boolean);
  }

  const count = (value) => value.toLocaleString("en");
  const decimal = (value, digits) => (value === null ? "–" : value.toFixed(digits));
  const dollars = (value) => (value === null ? "–" : value === 0 ? "0" : Number((1000 * value).toPrecision(3)).toString());
  const say = (verdict, score) => `${SIGNS[verdict]} ${verdict}${score !== null && score % 1 ? ` (${score.toFixed(2)})` : ""}`;

  function methodTable(question) {
    const heads = ["method", "verdict", "answer", "text of", "confidence", "out tokens", "USD/1,000", "seconds"];
    const head = make("tr", {}, ...heads.map((name, place) => make("th", { scope: "col", class: place > 3 ? "number" : null }, name)));
    const rows = question.results.map((result, place) => result && methodRow(data.methods[place], result)).filter(Boolean);
    const whole = make("table", { id: "answers" }, make("thead", {}, head), make("tbody", {}, ...rows));
    return make("div", { class: "scroll", role: "region", "aria-label": "Results of the methods", tabindex: 0 }, whole);
  }

  function methodRow(method, result) {
    const cells = [
      make("td", { class: "whole" }, make("span", { class: result.verdict }, say(result.verdict, result.score))),
      make("td", {}, shortAnswer(result), ownText(result)),
      make("td", {}, result.chosen ?? (result.error ? "" : "generated")),
      make("td", { class: "number" }, result.confidence === null ? "–" : `${Math.round(100 * result.confidence)} %`),
      make("td", { class: "number" }, count(result.tokens)),
      make("td", { class: "number" }, dollars(result.usd)),
      make("td", { class: "number" }, decimal(result.seconds, 1)),
    ];
    const label = result.standIn ? `${method.label} †` : method.label;
    return make("tr", { class: method.kind, title: result.standIn ? `† ${result.standIn}` : null }, make("th", { scope: "row" }, label), ...cells);
  }

  function shortAnswer(result) {
    if (result.error) return result.error;
    const answer = result.answer ?? "–";
    return answer.length > 120 ? `${answer.slice(0, 120)}…` : answer;
  }

  function ownText(result) {
    if (result.text === null) return null;
    return make("details", {}, make("summary", {}, "text"), make("pre", { class: "text", tabindex: 0 }, result.text.shown), cutNote(result.text));
  }

  function routeOf(question, routed, wanted) {
    const route = question.results[wanted].route;
    const options = routed.map((place) => make("option", { value: place, selected: place === wanted }, data.methods[place].label));
    const select = make("select", { id: "route" }, ...options);
    select.addEventListener("change", () => {
      routeAt = Number(select.value);
      show(question);
      at("route").focus({ preventScroll: true });
    });
    const facts = [
      ["selector", route.selector ?? "not called"],
      ["agreed", `${route.agreed} of ${route.answered} answers`],
      ["stopped", route.stopped],
      ["merged", route.merged],
    ];
    return [make("label", { class: "seen" }, make("span", {}, "Route of "), select), figuresOf(facts)];
  }

  function figuresOf(facts) {
    const known = facts.filter(([, value]) => value !== null && value !== "");
    return make("p", { class: "figures" }, ...known.map(([name, value]) => make("span", {}, `${name} `, make("b", {}, String(value)))));
  }

  function candidatesOf(question, route) {
    const boots = route?.boots ?? [];
    const recorded = new Map(question.candidates.map((one) => [one.name, one]));
    const first = boots.map((boot) => candidateOf(boot.candidate, recorded.get(boot.candidate), boot, route));
    const booted = new Set(boots.map((boot) => boot.candidate));
    const others = question.candidates.filter((one) => !booted.has(one.name));
    return [...first, ...others.map((one) => candidateOf(one.name, one, null, route))];
  }

  function candidateOf(name, output, boot, route) {
    const verdict = !output || output.right === null ? "unscored" : output.right ? "right" : "wrong";
    const state = boot ? (boot.kept ? "kept" : "dropped") : route ? "no boot" : null;
    const title = make("h4", {}, name, " ", make("span", { class: verdict }, say(verdict, output?.score ?? null)), " ", state && make("span", { class: `tag ${boot?.kept ? "kept" : "dropped"}` }, state));
    const facts = [
      ["recorded tokens", output ? count(output.tokens) + (output.finished ? "" : ", truncated at its own limit") : null],
      ...(boot ? bootFacts(boot) : []),
    ];
    const words = outputOf(output, boot);
    const whole = make("details", { open: Boolean(boot?.kept) }, make("summary", {}, "Output"), ...words);
    const why = boot?.why ? make("p", {}, boot.why) : null;
    return make("section", { class: `candidate ${boot?.kept ? "kept" : ""}`, "aria-label": name }, title, figuresOf(facts), why, whole);
  }

  function bootFacts(boot) {
    return [
      ["boot", `${count(boot.tokens)} tokens${boot.finished ? ", finished" : ""}`],
      ["selector's score", boot.score === null ? "none" : boot.score.toFixed(2)],
      ["prior", boot.prior.toFixed(2)],
      ["short answer", boot.answer ?? "none"],
    ];
  }

  function outputOf(output, boot) {
    if (!output && !boot) return [];
    const own = boot?.text ? [make("pre", { class: "text", tabindex: 0 }, make("mark", {}, boot.text.shown)), cutNote(boot.text)] : [];
    if (!output) return own.filter(Boolean);
    // Python counts code points, JavaScript strings count UTF-16 code units.
    const letters = Array.from(output.text.shown);
    const requested = boot && !boot.text ? boot.characters : 0;
    const rest = letters.slice(requested).join("");
    const notRequested = boot && !boot.kept && rest;
    const text = make("pre", { class: "text", tabindex: 0 }, requested ? make("mark", {}, letters.slice(0, requested).join("")) : "", notRequested ? make("span", { class: "notRequested" }, rest) : rest);
    const note = notRequested ? make("p", { class: "faint" }, "Marked: the boot. This method did not request the rest of the recorded output.") : null;
    return [...own, note, text, cutNote(output.text)].filter(Boolean);
  }

  // ---- start

  data.categories = [...new Set(data.questions.map((question) => question.category).filter((name) => name !== null))].sort();
  filters.category.append(make("option", { value: "" }, "all"), ...data.categories.map((name, place) => make("option", { value: place }, name)));
  filters.verdict.append(...VERDICTS.map(([value, label]) => make("option", { value }, label)));
  const main = Math.max(0, data.methods.findIndex((method) => method.kind === "lightrouter"));
  filters.method.append(...data.methods.map((method, place) => make("option", { value: place, selected: place === main }, method.label)));

  filters.method.addEventListener("change", () => { routeAt = null; });
  for (const select of [filters.category, filters.method, filters.verdict]) select.addEventListener("change", list);
  filters.search.addEventListener("input", list);
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("filters").addEventListener("reset", () => window.setTimeout(list));
  at("filters").hidden = false;
  at("browser").hidden = false;
  const asked = decodeURIComponent(window.location.hash.match(/^#q=(.*)$/)?.[1] ?? "");
  open = data.questions.find((question) => question.id === asked) ?? null;
  const anchor = window.location.hash;
  list();
  if (open && asked) at("questions").scrollIntoView();
  else window.history.replaceState(null, "", anchor || window.location.pathname);
})();
