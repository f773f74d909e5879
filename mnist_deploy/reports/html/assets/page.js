"use strict";
{
  const config = {
    background: null,
    font: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    view: { stroke: null },
    axis: {
      labelColor: "currentColor", titleColor: "currentColor", tickColor: "currentColor", domainColor: "currentColor",
      gridColor: "currentColor", gridOpacity: 0.12, domainOpacity: 0.4, tickOpacity: 0.4,
      labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", titlePadding: 8,
    },
    text: { fontSize: 11 },
  };
  // The interpreter (ast) computes expressions without eval, which the page's policy forbids.
  const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, config, tooltip: { theme: "custom" } };

  // Where names would leave no room for what they name: runtime below artifact.
  const fold = (spec, width) => {
    for (const layer of spec.layer ?? []) {
      const y = layer.encoding?.y;
      if (y?.type !== "nominal" || !y.axis) continue;
      const longest = Math.max(...y.scale.domain.map((name) => name.length));
      if (longest * 6 < 0.4 * width) continue;
      Object.assign(y.axis, {
        labelExpr: "split(datum.label, ' · ')", labelFontSize: 10, labelLineHeight: 11, labelPadding: 4,
        labelLimit: Math.round(0.45 * width),
      });
    }
    return spec;
  };

  const draw = (plot) => {
    if (plot.dataset.drawn) return;
    plot.dataset.drawn = "yes";
    const spec = JSON.parse(plot.parentElement.querySelector("script").textContent);
    // The place of a chart says what it shows, and the tables hold its figures: marks need not be read out one by one.
    vegaEmbed(plot, fold(spec, plot.clientWidth), options)
      .then(() => plot.querySelector("svg").setAttribute("aria-hidden", "true"))
      .catch((error) => {
        plot.textContent = "This chart could not be drawn; the tables hold its figures.";
        console.error(error);
      });
  };

  // Drawn when they come near, so that the page opens at once on a phone too.
  const plots = document.querySelectorAll(".plot");
  const watch = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watch.unobserve(entry.target);
        draw(entry.target);
      }
    },
    { rootMargin: "600px" },
  );
  plots.forEach((plot) => watch.observe(plot));

  // A link to a folded section opens it; printing opens all, for as long as it takes.
  const reveal = (target) => {
    for (let part = target?.querySelector(":scope > details") ?? target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") part.open = true;
    }
    target?.scrollIntoView();
  };
  const named = (hash) => document.getElementById(decodeURIComponent(hash.slice(1)));
  for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", () => reveal(named(link.hash)));
  addEventListener("hashchange", () => reveal(named(location.hash)));
  if (location.hash) reveal(named(location.hash));
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".fold > details:not([open])")];
    for (const part of opened) part.open = true;
    plots.forEach(draw);
  });
  addEventListener("afterprint", () => opened.forEach((part) => { part.open = false; }));

  // Wider than its box: say so, since a phone shows no scroll bar.
  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      target.previousElementSibling.hidden = target.scrollWidth <= target.clientWidth + 1;
    }
  });
  document.querySelectorAll(".scroll").forEach((box) => widths.observe(box));

  for (const input of document.querySelectorAll(".filter input")) {
    const grid = input.closest(".grid");
    const texts = new WeakMap();
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      // Asked anew each time: sorting replaces the table's body.
      const rows = [...grid.querySelectorAll("tbody tr")];
      let shown = 0;
      for (const row of rows) {
        if (!texts.has(row)) texts.set(row, [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
        row.hidden = !words.every((word) => texts.get(row).includes(word));
        shown += !row.hidden;
      }
      grid.querySelector(".count").textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
  }
}
