import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { ownNames } from "./own-names.ts";

const KUBE_CONFIG = `apiVersion: v1
current-context: "prod-eu"
clusters:
- cluster: { server: "https://10.0.0.1" }
  name: cluster-7
contexts:
- context:
    cluster: cluster-7
    user: bob-admin
  name: prod-eu
users:
- name: bob-admin
  user:
    token: secret
- name: minikube
`;

test("this machine's names are its host's, its user's and those of its kube-configs", ({
  onTestFinished,
}) => {
  const home = mkdtempSync(join(tmpdir(), "promferry-names-"));
  onTestFinished(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, ".kube"));
  writeFileSync(join(home, ".kube", "config"), KUBE_CONFIG);
  const other = join(home, "other");
  writeFileSync(other, "contexts:\n- name: 'staging-7'\n");
  const machine = { home, hostname: "bobs-laptop.example.com", username: "bob" };
  expect(ownNames({ ...machine, env: {} })).toEqual([
    "bobs-laptop.example.com",
    "bobs-laptop",
    "bob",
    "prod-eu",
    "cluster-7",
    "bob-admin",
  ]);
  expect(ownNames({ ...machine, env: { KUBECONFIG: "" } })).toContain("prod-eu");
  const KUBECONFIG = [other, join(home, "missing")].join(delimiter);
  expect(ownNames({ ...machine, env: { KUBECONFIG } }).slice(3)).toEqual(["staging-7"]);
});

test("names that say nothing, or are too short to be told from words, are left out", () => {
  expect(ownNames({ env: {}, home: "/nowhere", hostname: "localhost", username: "root" })).toEqual([]);
  expect(ownNames({ env: {}, home: "/nowhere", hostname: "h1", username: "jo" })).toEqual([]);
});
