import { catalogueDigest, cataloguePage } from "@promferry/core/catalogue";
import { additions, readConsent } from "@promferry/privacy";
import { catalogueAtHand, demandCatalogue } from "../consent/catalogue-at-hand.ts";
import { printCatalogue } from "../consent/print-catalogue.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

interface CatalogOptions {
  readonly catalog?: string;
  readonly format: "text" | "markdown" | "json";
}

/** What a program may collect, and why: for people, as Markdown, or as JSON. */
export async function catalog(
  context: Context,
  { catalog: file, format }: CatalogOptions,
): Promise<ExitCode> {
  const { out } = context;
  const settings = await context.settings();
  const { catalogue, from } = demandCatalogue(await catalogueAtHand(context, settings, { file }), settings);
  const stored = readConsent(settings.dir);
  const agreed = stored.kind === "decided" ? stored.record.agreed : undefined;
  const added = catalogue && agreed ? additions(catalogue, agreed) : [];
  if (out.isJson || format === "json") {
    const digest = catalogue && catalogueDigest(catalogue);
    await out.data(`${JSON.stringify({ from, digest, notAgreedTo: added, catalogue })}\n`);
  } else if (catalogue === undefined) {
    out.line(
      `${settings.app} has no catalogue: it collects whatever it registers, but for labels that name infrastructure.`,
    );
  } else if (format === "markdown") {
    await out.data(cataloguePage(catalogue));
  } else {
    printCatalogue(out, catalogue, added);
    out.line();
    out.line(out.style.dim(`from ${from}`));
  }
  return EXIT.ok;
}
