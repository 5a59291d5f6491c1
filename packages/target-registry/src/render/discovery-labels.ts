/**
 * Labels of a discovered target. All of them begin with `__meta_ferry_`: they end with discovery unless the job's own
 * relabelling carries them over, so that nothing in a list can steer a scrape.
 */
export const META = {
  instance: "__meta_ferry_instance",
  project: "__meta_ferry_project",
  service: "__meta_ferry_service",
  /** Before the name of a label that the platform set. */
  label: "__meta_ferry_label_",
} as const;

/** Labels that the job gives to what it scrapes; rules and queries rely on them. */
export const TARGET_LABELS = {
  instance: "instance_id",
  project: "project_id",
  service: "service_id",
} as const;

/** Gauge of value 1 that each guest shows with its own `instance_id`, to prove who answers at an address. */
export const IDENTITY_METRIC = "promferry_instance_info";
