/**
 * What `config init` writes: every setting with its default or an example, most of them as comments of the form `#key: value`, so that taking
 * the `#` away sets them.
 */
export const CONFIG_TEMPLATE = `# promferry's configuration. \`promferry config check\` finds what is wrong in it, \`promferry config explain\` shows what holds.
# A line that begins with #word: is a setting at its default, or an example: take the # away to set it.

# The program whose metrics these are.
#app: k1

metrics:
  # Whether the program may collect at all. Absent: only by a flag of the program, or after \`promferry enable\`.
  #enabled: true
  # Where the day files are. \${NAME} is taken from the environment.
  #dir: ~/.promferry/metrics
  # When a day begins: local or utc.
  #day_boundary: local
  # How often the program writes what it has counted.
  #write_interval: 5m

  # Days that every destination has are deleted after this many days; 0 keeps them.
  #retention_days: 7
  # Or as soon as every destination has them.
  #delete_after_push: false
  # Or whether the destinations have them or not.
  #retention_overrides_upload: false
  # Above this the oldest days go, sent or not.
  #max_bytes: 256MiB

  # Who this is: installation (a keyed hash), rotating (another one each week), none, or hostname-sha256 (can be guessed). anonymize_user: false means none.
  #identity: installation
  #anonymize_user: true
  # With identity none: no other installation writes the same series.
  #exclusive: false
  # Leaves out the labels cluster_name, namespace, resource_name, node_name and context.
  #exclude_cluster_info: true
  # What becomes of what looks like an e-mail address, a key, an IP address … : other (in its place), drop (the series), block (the upload), allow;
  # by kind, as in { default: other, key: block, uuid: allow }. Absent: other for every kind.
  #scan: {}
  # Of each label of a metric, this many different values leave; further ones become other.
  #max_label_values: 100
  # Values of a gauge beyond these bounds leave as the bound: min, max or both by its name, as in { k1_cached_objects: { min: 0, max: 1000 } }.
  #clamp: {}
  # Counters and counts leave rounded down to a multiple of this; sums and quantiles stay here. Absent: as they are.
  #round_counts: 10
  # Counters, histograms and summaries leave once so much was counted. Absent: at once.
  #minimum_count: 5
  # Samples leave only at multiples of this time, each with the last state before: once each step is over. Absent: at their own times.
  #time_step: 1h
  # How many of all weeks are sent, drawn for this installation: 0.1 is one in ten. Of the others nothing ever is.
  #sample_rate: 1
  # What of a session stands on its series: version, os, arch, run_id, git_sha.
  #session_labels: [version, os, arch]

  # What upload-metrics takes without --to. Absent: all.
  #default_destination: grafana

  # Where metrics go when you say so: remote-write (also called grafana-cloud, prometheus, mimir, cortex, victoriametrics), pushgateway or http.
  # Secrets stand elsewhere: in a variable, in a file, or with a program that prints them.
  destinations: []
    #- name: grafana
    #  type: grafana-cloud
    #  url: https://prometheus.example.net/api/prom/push
    #  auth: { username: "\${GRAFANA_USER}", password_cmd: [pass, show, grafana] }
    #  external_labels: { team: platform }
    #- name: gateway
    #  type: pushgateway
    #  url: https://pushgateway.example.com
    #  job_name: k1
    #  grouping_keys: { user: "\${USER_HASH}" }
    #- name: own
    #  type: http
    #  url: https://metrics.example.com/ingest
    #  auth: { token_file: ~/.config/own-token }
    #  format: json
    #  # Looks through scraped pages, too.
    #  scan_pages: true

# The target service that \`promferry targets\` asks.
#targets:
#  url: http://127.0.0.1:9180
#  token_file: ~/.config/targets-token

# The queue and the page of \`promferry agent\`.
#agent:
#  dir: ~/.promferry/agent
#  max_bytes: 1GiB
#  listen: 127.0.0.1:9101
#  allow_remote: false
#  grace: 10s

# What \`promferry agent\` scrapes, in Prometheus' words.
#scrape_configs:
#  - job_name: node
#    scrape_interval: 15s
#    static_configs:
#      - targets: [localhost:9100]
#    metric_relabel_configs:
#      - { source_labels: [__name__], regex: go_.*, action: drop }
`;
