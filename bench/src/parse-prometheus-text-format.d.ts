declare module "parse-prometheus-text-format" {
  /** Families as plain objects; the package has no types of its own. */
  // biome-ignore lint/style/noDefaultExport: that is how the package exports it.
  export default function parsePrometheusTextFormat(text: string): unknown[];
}
