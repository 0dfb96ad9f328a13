#!/bin/sh
# npm's `prepare`: the program in dist/ is built after `npm install` in a clone, before packing, and for `npm install -g .`.
set -e
if node_modules/.bin/tsc --version >/dev/null 2>&1; then
  npm run --silent build:program
elif [ "$npm_command" = pack ] || [ "$npm_command" = publish ] || [ "$npm_config_global" = true ]; then
  # In a bare clone, npm asks for the result and installs nothing that makes it. This runs `prepare` again.
  npm install --global=false --include=dev --include=optional >&2
fi
# Otherwise somebody left the development packages out, and brings dist/ from elsewhere.
