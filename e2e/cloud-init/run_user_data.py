"""Runs user data through cloud-init's own code, as the network and config stages would, below one folder.

Usage: run_user_data.py USER-DATA INSTANCE-DATA.json FOLDER

Part handlers of every type, merging, templates; then write_files (below FOLDER/root, owners left alone) and the
script that runcmd becomes. Prints one JSON object: config (merged), scripts, files {path: mode}, runcmd, log.
"""
import io
import json
import logging
import os
import sys

from cloudinit import handlers, helpers, settings, user_data, util
from cloudinit.config import cc_write_files
from cloudinit.handlers.boot_hook import BootHookPartHandler
from cloudinit.handlers.cloud_config import CloudConfigPartHandler
from cloudinit.handlers.jinja_template import JinjaTemplatePartHandler
from cloudinit.handlers.shell_script import ShellScriptPartHandler

user_data_file, instance_data_file, folder = sys.argv[1:]

log = io.StringIO()
logging.basicConfig(stream=log, level=logging.WARNING, format="%(levelname)s %(message)s")


class Source:
    def get_instance_id(self):
        return "instance"


paths = helpers.Paths({"cloud_dir": f"{folder}/cloud", "run_dir": f"{folder}/run"}, Source())
for name in ("scripts", "boothooks", "handlers"):
    os.makedirs(paths.get_ipath(name))
os.symlink(os.path.dirname(paths.get_ipath("scripts")), paths.instance_link)
os.makedirs(f"{folder}/run")
with open(instance_data_file) as source, open(paths.get_runpath("instance_data_sensitive"), "w") as copy:
    copy.write(source.read())

with open(user_data_file, "rb") as source:
    message = user_data.UserDataProcessor(paths).process(source.read())

# As stages.Init._default_userdata_handlers lists them; a boothook would run at once, so it is only named.
ran = []


class NamedBootHook(BootHookPartHandler):
    def handle_part(self, data, ctype, filename, payload, frequency):
        if ctype not in handlers.CONTENT_SIGNALS:
            ran.append({"type": ctype, "filename": filename, "payload": util.decode_binary(payload)})


opts = {"paths": paths, "datasource": Source()}
cloud_config = CloudConfigPartHandler(**opts)
script = ShellScriptPartHandler(**opts)
parts = [cloud_config, script, NamedBootHook(**opts)]
parts.append(JinjaTemplatePartHandler(**opts, sub_handlers=[cloud_config, script]))
registered = helpers.ContentHandlers()
for part in parts:
    registered.register(part, overwrite=False)

data = None
for _ctype, part in registered.items():
    handlers.call_begin(part, data, settings.PER_INSTANCE)
handlers.walk(
    message,
    handlers.walker_callback,
    data={
        "handlers": registered,
        "handlerdir": paths.get_ipath("handlers"),
        "data": data,
        "frequency": settings.PER_INSTANCE,
        "handlercount": 0,
        "excluded": [],
    },
)
for part in {id(part): part for _ctype, part in registered.items()}.values():
    handlers.call_end(part, data, settings.PER_INSTANCE)

config = util.load_yaml(util.load_text_file(paths.get_ipath("cloud_config")), default={})
files = {}
for entry in config.get("write_files", []):
    # The module's own steps, with the folder in front of the path.
    extractions = cc_write_files.canonicalize_extraction(entry.get("encoding"))
    contents = cc_write_files.extract_contents(entry.get("content", ""), extractions)
    mode = cc_write_files.decode_perms(entry.get("permissions"), cc_write_files.DEFAULT_PERMS)
    util.write_file(f"{folder}/root{entry['path']}", contents, mode=mode)
    files[entry["path"]] = f"{mode:04o}"

scripts = {
    name: util.load_text_file(os.path.join(paths.get_ipath("scripts"), name))
    for name in sorted(os.listdir(paths.get_ipath("scripts")))
}
print(
    json.dumps(
        {
            "config": config,
            "scripts": scripts,
            "boothooks": ran,
            "files": files,
            "runcmd": util.shellify(config["runcmd"]) if "runcmd" in config else "",
            "log": log.getvalue(),
        }
    )
)
