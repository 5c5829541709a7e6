#!/bin/bash
# Writes the configurations of nginx and HAProxy into a directory: a plain
# proxy and a gateway (routes with a path parameter, API keys, a rate limit
# that never trips, request id, access log).
# usage: peers-config.sh OUT_DIR UPSTREAM_PORT FIRST_PORT ROUTES
set -euo pipefail
mkdir -p "$1"; cd "$1"; O=$PWD; UP=$2; P=$3; R=$4
key() { printf 'key-%04d-0123456789abcdef' "$1"; }
main="worker_processes 1; worker_rlimit_nofile 65536; daemon off; error_log $O/nginx.err warn;
events { worker_connections 40000; }"
http="default_type application/octet-stream; server_tokens off; keepalive_timeout 300; keepalive_requests 100000000;
client_body_buffer_size 64k; client_body_temp_path $O/t1; proxy_temp_path $O/t2; fastcgi_temp_path $O/t3; uwsgi_temp_path $O/t4; scgi_temp_path $O/t5;
upstream up { server 127.0.0.1:$UP; keepalive 512; keepalive_requests 100000000; }
proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host \$host;"

cat >nginx.conf <<X
$main
pid $O/nginx.pid;
http { $http access_log off;
server { listen 127.0.0.1:$P reuseport backlog=4096; location / { proxy_pass http://up; } } }
X

{
  echo "$main pid $O/nginx-gw.pid; http { $http"
  echo "log_format gw escape=json '{\"requestId\":\"\$request_id\",\"time\":\"\$time_local\",\"method\":\"\$request_method\",\"path\":\"\$uri\",\"route\":\"\$rt\",\"key\":\"\$client\",\"status\":\$status,\"latency\":\$request_time,\"bytes\":\$body_bytes_sent}';"
  echo "access_log $O/nginx-gw.log gw buffer=64k flush=5s; map_hash_max_size 8192; map_hash_bucket_size 128;"
  echo "map \$http_x_api_key \$client { default '';"; for i in $(seq 0 999); do echo "  $(key "$i") key-$i;"; done; echo "}"
  echo "limit_req_zone \$client zone=z:4m rate=1000000r/s; limit_req_status 429;"
  echo "proxy_set_header X-Request-Id \$request_id; proxy_set_header X-Api-Key '';"
  echo "server { listen 127.0.0.1:$((P+1)) reuseport backlog=4096; set \$rt ''; if (\$client = '') { return 403; }"
  echo "limit_req zone=z burst=1000000 nodelay; add_header X-Request-Id \$request_id;"
  for i in $(seq 0 $((R-1))); do echo " location /r$i/items/ { set \$rt r$i; proxy_pass http://up; }"; done
  echo "} }"
} >nginx-gw.conf

cat >haproxy.cfg <<X
global
  nbthread 1
  maxconn 9800
  tune.bufsize 16384
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 300s
  http-reuse always
  backlog 4096
ring acc
  format raw
  maxlen 1024
  size 1048576
backend up
  server s1 127.0.0.1:$UP pool-max-conn 1024
backend rl
  stick-table type string len 32 size 100k expire 10s store http_req_rate(1s)
frontend plain
  bind 127.0.0.1:$((P+3))
  default_backend up
frontend gw
  bind 127.0.0.1:$((P+4))
  unique-id-format %[uuid()]
  unique-id-header X-Request-Id
  http-request set-var(txn.rt) path,field(2,/),map($O/routes.map)
  http-request return status 404 unless { var(txn.rt) -m found }
  http-request set-var(txn.cl) req.hdr(X-Api-Key),map($O/keys.map)
  http-request return status 403 unless { var(txn.cl) -m found }
  http-request track-sc0 var(txn.cl) table rl
  http-request return status 429 if { sc_http_req_rate(0) gt 100000000 }
  http-request del-header X-Api-Key
  http-response set-header X-Request-Id %[unique-id]
  log ring@acc format raw local0 info
  log-format '{"requestId":"%ID","time":"%T","method":"%HM","path":"%HP","route":"%[var(txn.rt)]","key":"%[var(txn.cl)]","status":%ST,"latency":%Tt,"bytes":%B}'
  default_backend up
X
cat >>haproxy.cfg <<X
frontend jwt
  bind 127.0.0.1:$((P+5))
  http-request set-var(txn.tok) http_auth_bearer
  http-request return status 401 unless { var(txn.tok),jwt_header_query('\$.alg') -m str RS256 }
  http-request return status 401 unless { var(txn.tok),jwt_verify("RS256","$O/jwt.pub") 1 }
  http-request set-var(txn.exp) var(txn.tok),jwt_payload_query('\$.exp','int')
  http-request set-var(txn.now) date()
  http-request return status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  default_backend up
X
for i in $(seq 0 $((R-1))); do echo "r$i r$i"; done >routes.map
for i in $(seq 0 999); do echo "$(key "$i") key-$i"; done >keys.map
