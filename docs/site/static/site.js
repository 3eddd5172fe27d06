// On a phone the head of a table is not shown, so every cell knows the head of its column. See site.css.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.docutils")) {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])].map((head) => head.textContent.trim());
    for (const row of table.tBodies[0]?.rows ?? []) {
      for (const cell of [...row.cells].slice(1)) {
        if (heads[cell.cellIndex]) cell.dataset.head = heads[cell.cellIndex];
      }
    }
  }
});
