import { STALE_MARKERS_LEFT_OUT, toBatch } from "@promferry/core/delivery";
import { createSeriesDictionary, type FamilyMetadata } from "@promferry/core/series";
import { createHttpPush } from "@promferry/http-push";
import { expect, test } from "vitest";
import { exportedSamples, requireServer, startVictoriaMetrics } from "./harness/index.ts";

/** Three days ago, on a whole minute. */
const START_MS = Math.floor(Date.now() / 60_000) * 60_000 - 3 * 86_400_000;
const STEP_MS = 15_001;
const FRAMES = 40;

const views: FamilyMetadata = { name: "k1_views_total", type: "counter", help: "Screens\nopened.", unit: "" };
const heat: FamilyMetadata = { name: "k1_heat", type: "gauge", help: "", unit: "" };
const draw: FamilyMetadata = { name: "k1_draw_seconds", type: "histogram", help: "Drawing.", unit: "" };

for (const gzip of [false, true]) {
  test(`VictoriaMetrics' text import stores every sample at its time${gzip ? ", from gzip" : ""}`, async (context) => {
    requireServer(context, "victoria-metrics");
    const victoria = await startVictoriaMetrics();
    context.onTestFinished(victoria.stop);
    const { intern } = createSeriesDictionary();
    const odd = 'say "hi"\\\n größer 漢字';
    const rows = [
      { family: views, name: "k1_views_total", labels: { screen: "pods" }, at: (i: number) => i * 3 },
      { family: views, name: "k1_views_total", labels: { screen: odd }, at: (i: number) => i ** 3 + 0.5 },
      { family: heat, name: "k1_heat", labels: {}, at: (i: number) => (i % 7) - 3.25 },
      { family: draw, name: "k1_draw_seconds_bucket", labels: { le: "0.1" }, at: (i: number) => i },
      { family: draw, name: "k1_draw_seconds_bucket", labels: { le: "+Inf" }, at: (i: number) => i * 2 },
      { family: draw, name: "k1_draw_seconds_sum", labels: {}, at: (i: number) => i / 8 },
      { family: draw, name: "k1_draw_seconds_count", labels: {}, at: (i: number) => i * 2 },
    ].map((row) => ({
      ...row,
      series: intern(
        row.name,
        Object.entries(row.labels).map(([name, value]) => ({ name, value })),
      ),
    }));
    const frames = Array.from({ length: FRAMES }, (_, i) => i);
    const samples = frames.flatMap((i) =>
      rows.map(({ series, family, at }) => ({
        series,
        family,
        timestampMs: START_MS + i * STEP_MS,
        value: at(i),
      })),
    );
    const [heatRow] = rows.filter(({ family }) => family === heat);
    const ended = {
      series: heatRow!.series,
      family: heat,
      timestampMs: START_MS + FRAMES * STEP_MS,
      value: null,
    };
    const destination = createHttpPush({
      url: `${victoria.url}/api/v1/import/prometheus?extra_label=source=ferry`,
      format: "prometheus-text",
      gzip,
    });

    const receipt = await destination.send(toBatch([...samples, ended]));

    expect(receipt).toEqual({
      accepted: samples.length,
      refused: [],
      leftOut: [{ reason: STALE_MARKERS_LEFT_OUT, count: 1 }],
      unknown: 0,
    });
    const stored = await exportedSamples(victoria.url, '{source="ferry"}', START_MS, START_MS + 3_600_000);
    const expected = rows.map(({ name, labels, at }) => ({
      labels: { __name__: name, ...labels, source: "ferry" },
      samples: frames.map((i) => ({ timestampMs: START_MS + i * STEP_MS, value: String(at(i)) })),
    }));
    expect(stored.length).toBe(expected.length);
    expect(stored).toEqual(expect.arrayContaining(expected));
  });
}
