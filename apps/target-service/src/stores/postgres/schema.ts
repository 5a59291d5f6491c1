/**
 * Migrations of the PostgreSQL store, in order; table `migrations` tells which have run. Published ones never change.
 *
 * Texts are ordered bytewise. `leases` is apart and loosely packed, so that heartbeats update rows in their page; an
 * index on `deadline` would cost them more than the sweep gains. The trigger is a hint for those who wait, one for
 * each transaction that made a revision.
 */
export const POSTGRES_MIGRATIONS: readonly string[] = [
  `
  create table store (
    one boolean primary key default true check (one),
    store_id text not null,
    rev bigint not null,
    purged_rev bigint not null,
    history_seq bigint not null,
    authoritative boolean not null,
    frozen boolean not null,
    sweep text
  ) with (fillfactor = 10);
  insert into store values (true, gen_random_uuid()::text, 0, 0, 0, false, false, null);
  create function announce_revision() returns trigger language plpgsql as $$
  begin
    perform pg_notify('promferry_targets', new.rev::text);
    return null;
  end $$;
  create trigger announce_revision after update of rev on store
    for each row when (old.rev is distinct from new.rev) execute function announce_revision();
  create table instances (
    id text collate "C" primary key,
    project text collate "C" not null,
    service text collate "C" not null,
    scope text collate "C" not null,
    state text collate "C" not null,
    removed_by text collate "C",
    state_since bigint not null,
    lists text collate "C" not null,
    rev bigint not null unique,
    doc text not null
  );
  create table leases (
    id text collate "C" primary key,
    renewable boolean not null,
    key_hash text collate "C",
    boot_id text collate "C",
    deadline bigint,
    seen_at bigint
  ) with (fillfactor = 60);
  create table claims (claim text collate "C" primary key, instance_id text collate "C" not null);
  create index claims_by_instance on claims (instance_id);
  create table projects (project text collate "C" primary key, instances bigint not null) with (fillfactor = 60);
  create table tokens (
    id text collate "C" primary key,
    instance_id text collate "C",
    is_open boolean not null,
    expires_at bigint not null,
    doc text not null
  );
  create index tokens_by_instance on tokens (instance_id) where is_open;
  create table history (
    seq bigint primary key,
    at bigint not null,
    instance_id text collate "C" not null,
    what text collate "C" not null,
    actor text collate "C" not null,
    request text collate "C",
    rev bigint not null
  );
  create index history_by_instance on history (instance_id, seq);
  create table idempotency (
    actor text collate "C" not null,
    key text collate "C" not null,
    body_hash text collate "C" not null,
    at bigint not null,
    status bigint,
    body text,
    primary key (actor, key)
  );
  create table leaders (
    name text collate "C" primary key,
    holder text collate "C" not null,
    token bigint not null,
    until bigint not null
  );
  create table metrics (
    id text collate "C" primary key,
    resource_type text collate "C" not null,
    resource_id text collate "C" not null,
    name text collate "C" not null,
    value double precision not null,
    at bigint not null,
    labels text not null
  );
  create index metrics_by_resource on metrics (resource_type, resource_id, at);
  `,
];
