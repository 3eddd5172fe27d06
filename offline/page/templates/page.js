// Filters and tabs. Without this everything is shown, one table below the other.
const sheets = [...document.querySelectorAll(".sheet")];
const list = document.querySelector(".tabs");
const tabs = sheets.map(sheet => document.getElementById("tab-" + sheet.id));

for (const sheet of sheets) {
  const form = sheet.querySelector(".filter");
  if (!form) continue;
  const rows = [...sheet.querySelectorAll("tbody tr")];
  const texts = rows.map(row => [...row.cells].map(cell => cell.textContent).join(" ").toLowerCase());
  const status = form.querySelector(".shown"), none = sheet.querySelector(".none");
  const apply = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/);
    const { value: kind } = form.elements.kind, { value: stack } = form.elements.stack;
    let count = 0;
    rows.forEach((row, i) => {
      const fits = (!kind || row.cells[0].textContent === kind) && (!stack || row.cells[2].textContent === stack)
        && words.every(word => texts[i].includes(word));
      row.hidden = !fits;
      count += fits;
    });
    status.textContent = `${count} of ${rows.length} shown`;
    none.hidden = count > 0;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  none.querySelector("button").addEventListener("click", () => { form.reset(); form.elements.text.focus(); });
  apply();
}

const select = (index, focus) => {
  tabs.forEach((tab, i) => {
    tab.setAttribute("aria-selected", i === index);
    tab.tabIndex = i === index ? 0 : -1;
    sheets[i].hidden = i !== index;
  });
  if (focus) tabs[index].focus();
};
list.setAttribute("role", "tablist");
list.setAttribute("aria-labelledby", "all");
list.parentElement.classList.add("tabbed");
tabs.forEach((tab, i) => {
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", sheets[i].id);
  sheets[i].setAttribute("role", "tabpanel");
  sheets[i].setAttribute("aria-labelledby", tab.id);
  tab.addEventListener("click", event => { event.preventDefault(); select(i); history.replaceState(null, "", tab.hash); });
  tab.addEventListener("keydown", event => {
    const last = tabs.length - 1;
    const to = { ArrowRight: i < last ? i + 1 : 0, ArrowLeft: i > 0 ? i - 1 : last, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    select(to, true);
  });
});
const addressed = () => sheets.findIndex(sheet => "#" + sheet.id === location.hash);
addEventListener("hashchange", () => { if (addressed() >= 0) select(addressed()); });
select(Math.max(0, addressed()));
