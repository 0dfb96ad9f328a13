#!/bin/sh
# Makes of a table of rooms what broker, rooms and Prometheus need. Run it again when the table changes: what is there
# stays, also a config.yaml that the table wants otherwise by now, of which it warns. Another BROKER gets the broker a new
# certificate, for its old name as well: rooms are told of the new one when somebody tells them.
#
#   sh provision.sh rooms.csv OUT BROKER      BROKER: the name or address under which the rooms reach it
#
# OUT/ca.pem, ca.key            the authority that only this house trusts; keep ca.key off line
# OUT/broker/                   what the broker reads: ca.pem, broker.pem, broker.key
# OUT/rooms/ID/                 what a room gets: config.yaml, ca.pem, client.pem, client.key, web-password
# OUT/targets.json, web-password for Prometheus: which rooms there are, and the password that they ask it for
set -eu
umask 077
[ $# -eq 3 ] || { echo "usage: sh provision.sh rooms.csv OUT BROKER" >&2; exit 64; }
table=$1 out=$2 broker=$3
YEARS=3650
mkdir -p "$out/broker" "$out/rooms"

# Before anything is made: a table with a mistake in it changes nothing.
awk -F, '
  /^#/ || /^[ \t\r]*$/ { next }
  { sub(/\r$/, "") }
  NF != 3 { printf "line %d: expected id,name,address\n", NR; bad = 1; next }
  $1 !~ /^[a-z0-9_-]+$/ || length($1) > 64 || $1 == "all" { printf "line %d: \"%s\" cannot be an id\n", NR, $1; bad = 1 }
  $2 == "" || $2 ~ /["\\]/ { printf "line %d: \"%s\" cannot be a name\n", NR, $2; bad = 1 }
  $3 != "" && $3 !~ /^[A-Za-z0-9.:\[\]_-]+:[0-9]+$/ { printf "line %d: \"%s\" is no host:port\n", NR, $3; bad = 1 }
  seen[$1]++ { printf "line %d: %s is there twice\n", NR, $1; bad = 1 }
  END { exit bad }
' "$table" >&2 || { echo "$table: nothing was made" >&2; exit 65; }
rooms=$(grep -v -e '^#' -e '^[[:space:]]*$' "$table" | tr -d '\r')

# certificate KEY CERT SUBJECT EXTENSIONS
certificate() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.new" -subj "/CN=$3" -out "$2.csr" 2>/dev/null
  printf '%s\n' "$4" > "$2.ext"
  openssl x509 -req -in "$2.csr" -CA "$out/ca.pem" -CAkey "$out/ca.key" -CAcreateserial -days $YEARS -extfile "$2.ext" -out "$2.new" 2>/dev/null
  mv "$1.new" "$1"
  mv "$2.new" "$2" # whole, or not at all
  rm "$2.csr" "$2.ext"
}

if [ ! -e "$out/ca.pem" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$out/ca.key" -subj '/CN=bathnet2mqtt' -days $YEARS -out "$out/ca.new" 2>/dev/null
  mv "$out/ca.new" "$out/ca.pem"
fi
[ -e "$out/web-password" ] || openssl rand -hex 16 > "$out/web-password"
case $broker in *[!0-9.:]*) kind=DNS ;; *) kind=IP ;; esac
names=
if [ -e "$out/broker/broker.pem" ]; then
  names=$(openssl x509 -in "$out/broker/broker.pem" -noout -ext subjectAltName | sed -n '2{s/^ *//; s/IP Address:/IP:/g; p;}')
fi
case "$names," in
  *"$kind:$broker,"*) ;;
  *)
    certificate "$out/broker/broker.key" "$out/broker/broker.pem" "$broker" "subjectAltName=$kind:$broker${names:+, $names}"
    [ -z "$names" ] || echo "$out/broker: a new certificate, for $broker as well as $names; put it on the broker" >&2
    ;;
esac
cp "$out/ca.pem" "$out/broker/ca.pem"

echo "$rooms" | while IFS=, read -r id name address; do
  room=$out/rooms/$id
  mkdir -p "$room"
  [ -e "$room/client.pem" ] || certificate "$room/client.key" "$room/client.pem" "$id" 'extendedKeyUsage=clientAuth'
  cp "$out/ca.pem" "$room/"
  [ -n "$address" ] || continue
  cp "$out/web-password" "$room/"
  # Not onto the one that is there: somebody may have added to it.
  cat > "$room/config.new" <<YAML
device:
  id: $id
  name: "$name"
mqtt:
  url: mqtts://$broker:8883
  caFile: /etc/bathnet2mqtt/ca.pem
  certFile: /etc/bathnet2mqtt/client.pem
  keyFile: /etc/bathnet2mqtt/client.key
  rollouts: true
web:
  enabled: true
  host: 0.0.0.0
  port: ${address##*:}
  passwordFile: /etc/bathnet2mqtt/web-password
YAML
  if [ ! -e "$room/config.yaml" ]; then
    mv "$room/config.new" "$room/config.yaml"
  elif lacks=$(grep -vxF -f "$room/config.yaml" "$room/config.new"); then
    printf '%s stays, and is not what the table says; remove it to have it made anew, or write there:\n%s\n' "$room/config.yaml" "$lacks" >&2
  fi
  rm -f "$room/config.new"
done

echo "$rooms" | awk -F, '
  BEGIN { printf "[" }
  $3 == "" { next }
  { printf "%s\n  {\"targets\": [\"%s\"], \"labels\": {\"instance\": \"%s\", \"room\": \"%s\"}}", (n++ ? "," : ""), $3, $1, $2 }
  END { printf "\n]\n" }
' > "$out/targets.json.new"
mv "$out/targets.json.new" "$out/targets.json" # Prometheus reads it at any time
