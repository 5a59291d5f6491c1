import type { UploadTarget } from "@promferry/uploader";

/**
 * A target whose request under way is answered before an upload that was told to stop ends: a receiver that keeps
 * copies would hold twice what is sent again. It may take as long as the destination's `timeout`.
 */
export function finishRequests(target: UploadTarget): UploadTarget {
  const { destination } = target;
  return {
    ...target,
    destination: {
      ...destination,
      send: (batch, { attempt } = {}) => destination.send(batch, attempt === undefined ? {} : { attempt }),
    },
  };
}
