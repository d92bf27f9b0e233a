import uPlot from "uplot";

const HEIGHT = 230;
const FONT = "12px Inter, system-ui, sans-serif";
const SYNC = "debrief-graphs";
const COLOURS = ["--graph-1", "--graph-2", "--graph-3", "--graph-4", "--graph-5", "--graph-6", "--graph-7", "--graph-8"];

/** Draws a graph that can be pointed at in place of the picture the server made; without its numbers that stays. */
class MetricGraph extends HTMLElement {
  async connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    const answer = await fetch(this.dataset.numbers, { signal, headers: { accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || !this.isConnected) return;
    const numbers = await answer.json();
    if (!this.isConnected || !numbers.range) return;
    this.draw(numbers);
    this.sizes = new ResizeObserver(() => this.plot.setSize({ width: this.clientWidth, height: HEIGHT }));
    this.sizes.observe(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plot.redraw(false), { signal });
    this.themes = new MutationObserver(() => this.plot.redraw(false));
    this.themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  disconnectedCallback() {
    this.stop.abort();
    this.sizes?.disconnect();
    this.themes?.disconnect();
    this.plot?.destroy();
    this.place?.remove();
    this.removeAttribute("data-drawn");
  }

  draw({ unit, zone, range, marks, series }) {
    const colour = (name) => getComputedStyle(this).getPropertyValue(name).trim();
    const axis = { stroke: () => colour("--muted"), font: FONT, grid: { stroke: () => colour("--line-soft"), width: 1 }, ticks: { show: false } };
    this.place = document.createElement("div");
    this.place.className = "graph-plot";
    this.append(this.place);
    this.plot = new uPlot(
      {
        width: this.clientWidth,
        height: HEIGHT,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
        cursor: { sync: { key: SYNC }, drag: { x: true, y: false } },
        scales: { x: { time: true, range: (plot, from, to) => (plot.isZoomed ? [from, to] : range) } },
        axes: [
          { ...axis, values: (plot, splits, at, space, step) => splits.map((each) => tick(each, step, zone)) },
          { ...axis, label: unit, labelSize: 20, size: 60, font: FONT, labelFont: FONT },
        ],
        series: [
          { value: (plot, at) => (at === null ? "–" : clock(at, zone)) },
          ...series.map(({ name }, at) => ({ label: name, width: 1.5, spanGaps: false, stroke: () => colour(COLOURS[at]) })),
        ],
        hooks: {
          draw: [(plot) => drawMarks(plot, marks, colour("--mark"))],
          setSelect: [(plot) => (plot.isZoomed = plot.select.width > 0)],
        },
      },
      uPlot.join(series.map(({ times, values }) => [times, values])),
      this.place,
    );
    this.toggleAttribute("data-drawn", true);
    this.plot.over.addEventListener("dblclick", () => {
      this.plot.isZoomed = false;
      this.plot.setScale("x", { min: range[0], max: range[1] });
    });
  }
}

/** The moments of the timeline as upright lines with their numbers. */
function drawMarks(plot, marks, colour) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  for (const [at, number] of marks) {
    const x = Math.round(plot.valToPos(at, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + 14 * devicePixelRatio);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillText(String(number), x, bbox.top + 10 * devicePixelRatio);
  }
  ctx.restore();
}

/** A time of day on the axis; a date where the lines stand days apart. */
function tick(seconds, step, zone) {
  const form = step < 86400 ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...form }).format(seconds * 1000);
}

function clock(seconds, zone) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" }).format(seconds * 1000);
}

customElements.define("metric-graph", MetricGraph);
