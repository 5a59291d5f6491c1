import type { FamilyMetadata } from "../series/series.ts";
import { familyAs } from "./series-shape.ts";

/** The family in which a series leaves under another name; a `help` stands in place of the family's. */
export type LeavingFamilies = (
  family: FamilyMetadata,
  name: string,
  leaving: { readonly name: string; readonly help?: string },
) => FamilyMetadata;

/** One object for all series in a row that leave in the same family. */
export function createLeavingFamilies(): LeavingFamilies {
  let last: FamilyMetadata | undefined;
  return (family, name, leaving) => {
    const { help = family.help } = leaving;
    const { name: newName, type, unit } = familyAs(family, name, leaving.name);
    if (last?.name !== newName || last.type !== type || last.help !== help || last.unit !== unit)
      last = { name: newName, type, help, unit };
    return last;
  };
}
