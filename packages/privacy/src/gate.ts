/** What stands between a program and its own journal: consent and filters, and nothing that only sending needs. */
export { agreedOnly } from "./agreement.ts";
export { allowList } from "./allow-list.ts";
export { consentIn } from "./consent.ts";
export { denyList } from "./deny-list.ts";
export { composeFilters } from "./filter.ts";
export { filterFamilies } from "./filter-families.ts";
