/** Migrations of the SQLite store, in order; `user_version` tells how many have run. Published ones never change. */
export const SQLITE_MIGRATIONS: readonly string[] = [
  `
  create table store (
    one integer primary key check (one = 1),
    store_id text not null,
    rev integer not null,
    purged_rev integer not null,
    history_seq integer not null,
    authoritative integer not null,
    frozen integer not null,
    sweep text
  ) strict;
  create table instances (
    id text primary key,
    project text not null,
    service text not null,
    scope text not null,
    state text not null,
    removed_by text,
    state_since integer not null,
    lists text not null,
    rev integer not null unique,
    doc text not null
  ) strict, without rowid;
  create table leases (
    id text primary key,
    renewable integer not null,
    key_hash text,
    boot_id text,
    deadline integer,
    seen_at integer
  ) strict, without rowid;
  create table claims (claim text primary key, instance_id text not null) strict, without rowid;
  create index claims_by_instance on claims (instance_id);
  create table projects (project text primary key, instances integer not null) strict, without rowid;
  create table tokens (
    id text primary key,
    instance_id text,
    is_open integer not null,
    expires_at integer not null,
    doc text not null
  ) strict, without rowid;
  create index tokens_by_instance on tokens (instance_id) where is_open;
  create table history (
    seq integer primary key,
    at integer not null,
    instance_id text not null,
    what text not null,
    actor text not null,
    request text,
    rev integer not null
  ) strict;
  create index history_by_instance on history (instance_id, seq);
  create table idempotency (
    actor text not null,
    key text not null,
    body_hash text not null,
    at integer not null,
    status integer,
    body text,
    primary key (actor, key)
  ) strict, without rowid;
  create table leaders (
    name text primary key,
    holder text not null,
    token integer not null,
    until integer not null
  ) strict, without rowid;
  create table metrics (
    id text primary key,
    resource_type text not null,
    resource_id text not null,
    name text not null,
    value real not null,
    at integer not null,
    labels text not null
  ) strict, without rowid;
  create index metrics_by_resource on metrics (resource_type, resource_id, at);
  `,
];
