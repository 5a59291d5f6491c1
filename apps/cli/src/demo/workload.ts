import { counter, defineMetrics, gauge, histogram, type Metrics } from "@promferry/core";

const PRODUCTS = ["coffee", "tea", "cake"] as const;
export type Product = (typeof PRODUCTS)[number];

const DEFINITIONS = {
  orders: counter({ name: "orders_total", help: "Orders taken.", labels: { product: PRODUCTS } }),
  seconds: histogram({
    name: "order_duration_seconds",
    help: "Time from order to delivery.",
    labels: { product: PRODUCTS },
    buckets: [0.1, 0.25, 0.5, 1, 2.5],
  }),
  waiting: gauge({ name: "orders_waiting", help: "Orders not delivered yet.", across: { sessions: "sum" } }),
};

/** One run of a small shop: the instrumented program that the demo collects from. */
export interface Shop {
  readonly metrics: Metrics<typeof DEFINITIONS>;
  /** What it really did, kept apart from its metrics. */
  readonly orders: Readonly<Record<Product, number>>;
  /** A stretch of business. */
  work(): void;
}

/** @param seed The same seed does the same business. */
export function createShop(seed: number): Shop {
  const metrics = defineMetrics({ namespace: "shop" }, DEFINITIONS);
  const random = seededRandom(seed);
  const orders: Record<Product, number> = { coffee: 0, tea: 0, cake: 0 };
  return {
    metrics,
    orders,
    work() {
      const count = 20 + Math.floor(random() * 20);
      for (let i = 0; i < count; i++) {
        const product = PRODUCTS[Math.floor(random() ** 2 * PRODUCTS.length)]!;
        orders[product]++;
        metrics.orders.inc({ product });
        metrics.seconds.observe({ product }, Math.round(50 + random() * random() * 3000) / 1000);
      }
      metrics.waiting.set(Math.floor(random() * 6));
    },
  };
}

/** Mulberry32: small, and the same everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
