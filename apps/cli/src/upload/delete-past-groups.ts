import { DeliveryError } from "@promferry/core/delivery";
import type { Journal } from "@promferry/core/journal";
import type { UploadReport } from "@promferry/uploader";
import type { Context } from "../context.ts";
import { endedSeries, sessionWeeks } from "./own-groups.ts";
import type { PreparedUpload } from "./prepare-upload.ts";

/**
 * With a rotating identity a Pushgateway keeps a group of ours for each week: those before the newest week in the journal go, once
 * that one was accepted. Asked for again they are gone already, so nothing is remembered of it. What can't be deleted is told, and
 * is no failure of the upload.
 */
export async function deletePastGroups(
  { io, out }: Context,
  journal: Journal,
  { prepared, sampling }: Pick<PreparedUpload, "prepared" | "sampling">,
  report: UploadReport,
): Promise<void> {
  const isDone = (name: string) =>
    report.destinations.some((each) => each.name === name && each.accepted > 0 && each.failure === undefined);
  const due = prepared.filter(
    ({ rotates, target: { destination } }) =>
      rotates && !destination.keepsHistory && isDone(destination.name),
  );
  if (due.length === 0) return;
  // Of a week that was not drawn there is no group, and nobody is to hear of it.
  const weeks = (await sessionWeeks(journal)).filter(({ weekMs }) => sampling.isDrawn(weekMs));
  const newestMs = Math.max(...weeks.map(({ weekMs }) => weekMs));
  for (const { target, groupLabels } of due) {
    const deleted = new Set<string>();
    for (const { info, weekMs } of weeks) {
      if (weekMs === newestMs) continue;
      const batch = endedSeries(groupLabels(info, weekMs), io.now());
      const [request] = target.destination.encode(batch).requests;
      if (request?.method !== "DELETE" || deleted.has(request.url)) continue;
      deleted.add(request.url);
      try {
        await target.destination.send(batch, { signal: io.signal });
      } catch (error) {
        if (io.signal.aborted || !(error instanceof DeliveryError)) throw error;
        out.note(`promferry: ${target.destination.name}: the group of a past week stays: ${error.message}`);
      }
    }
  }
}
