package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/discovery"
	"gatehouse/internal/function"
	"gatehouse/internal/upstream"
)

// A Config is what cannot be changed through an AWS API: addresses, the data
// directory, the limits of the process. It is read once, at start.
//
// Every field is a setting with one name, given by its tag. The flag is
// --name, the key in the configuration file is name, and the environment
// variable is GATEHOUSE_NAME in capitals with underscores. The comments below
// are the reference page docs/reference/configuration.md.
type Config struct {
	// Data is the directory that holds everything Gatehouse keeps: the store,
	// the root credential, and the addresses of the running server. It is made
	// with mode 0700 if it does not exist. One server at a time may use it.
	Data string `name:"data" kind:"DIR" help:"directory that holds everything Gatehouse keeps"`

	// API is the address of the AWS APIs (the control plane): what the aws
	// command and the SDKs call. The requests of API clients are served there
	// too, in all the forms the data plane knows. Port 0 takes a free port.
	API string `name:"api" kind:"ADDR" help:"address of the AWS APIs"`

	// Listen is the address of the data plane for plain HTTP: HTTP/1.1, and
	// HTTP/2 without TLS for clients that start with its preface. Empty: none.
	Listen string `name:"listen" kind:"ADDR" help:"address of the data plane for plain HTTP; empty: none"`

	// ProxyProtocol are the proxies, such as load balancers, whose connections to
	// listen and listen-tls begin with a header of the PROXY protocol (version 1 or
	// 2) that tells the client's address. They must; others must not. All of these
	// addresses' connections are then served without event loops.
	ProxyProtocol string `name:"proxy-protocol" kind:"CIDR,CIDR" help:"proxies that tell their clients' addresses by the PROXY protocol"`

	// ListenTLS is the address of the data plane for HTTPS (HTTP/1.1 and
	// HTTP/2). It needs tls-cert and tls-key. Empty: none.
	ListenTLS string `name:"listen-tls" kind:"ADDR" help:"address of the data plane for HTTPS; empty: none"`

	// TLSCert is the file of the certificate for listen-tls, in PEM, followed
	// by the chain up to the root. It is read again on SIGHUP.
	TLSCert string `name:"tls-cert" kind:"FILE" help:"certificate chain for --listen-tls, in PEM"`

	// TLSKey is the file of the private key of tls-cert, in PEM.
	TLSKey string `name:"tls-key" kind:"FILE" help:"private key for --listen-tls, in PEM"`

	// TLSClientCA is the file of the authorities whose clients may use listen-tls
	// (mutual TLS), in PEM, each up to its root; at most 1 MiB and 1,000
	// certificates. It is read again when it changes. Empty: clients need no certificate.
	// The plain addresses ask for none: set listen to nothing, or to loopback.
	TLSClientCA string `name:"tls-client-ca" kind:"FILE" help:"authorities of the certificates that clients of --listen-tls must show, in PEM"`

	// TLSClientAuth says whether clients of listen-tls must show a certificate of
	// tls-client-ca (required), or may (optional). One that is shown must be good
	// in any case.
	TLSClientAuth string `name:"tls-client-auth" kind:"required|optional" help:"whether clients must show a certificate of --tls-client-ca"`

	// TLSClientCRL is the file of the revocation lists of tls-client-ca, in PEM, or
	// of one in DER. Then every authority needs a list that is in force. It is read
	// again when it changes.
	TLSClientCRL string `name:"tls-client-crl" kind:"FILE" help:"revocation lists of the authorities of --tls-client-ca"`

	// TLSClientOCSP asks, for each certificate of a client, the responder of OCSP
	// that it names. A certificate without one, or whose responder does not
	// answer within 5 s, is not let in.
	TLSClientOCSP bool `name:"tls-client-ocsp" help:"ask responders of OCSP about the certificates of clients"`

	// RegistrationTokens is the file of those who may register instances by plain
	// HTTP, without a signature: a line for each, TOKEN NAMESPACE/SERVICE. It is read
	// again on SIGHUP. Empty: nobody may. docs/discovery.md tells of it.
	RegistrationTokens string `name:"registration-tokens" kind:"FILE" help:"tokens of those who may register instances by plain HTTP"`

	// ClusterFiles is the directory of the files and sockets that clusters of the API
	// (gatehouse cluster put) may name: certificates, passwords, kubeconfigs. Empty:
	// none. Clusters of this file name any.
	ClusterFiles string `name:"cluster-files" kind:"DIR" help:"directory of the files and sockets that clusters of the API may name"`

	// DNS is the address, by UDP and TCP, of the DNS of Cloud Map: of the namespaces
	// of DNS that are made by its API, and of no other domains. Empty: none, and such
	// namespaces are refused. docs/discovery.md tells of it.
	DNS string `name:"dns" kind:"ADDR" help:"address of the DNS of Cloud Map's namespaces, by UDP and TCP; empty: none"`

	// TruststoreDir is the directory of the trust stores that custom domains may
	// name as file:///NAME in mutualTlsAuthentication. A file is read again when it
	// changes. Empty: they must be on S3.
	TruststoreDir string `name:"truststore-dir" kind:"DIR" help:"directory of the trust stores that custom domains name as file:///NAME"`

	// TruststoreOCSP asks responders of OCSP also about the certificates of clients
	// of custom domains with a trust store, which Amazon does not.
	TruststoreOCSP bool `name:"truststore-ocsp" help:"ask responders of OCSP about the certificates of clients of custom domains"`

	// Admin is the address of /healthz, /readyz, /caches, /clusters, /traffic, /metrics and /backup (and, with pprof,
	// of the profiles). Whoever reaches it can read the whole store, so keep
	// it on loopback or behind a firewall. Empty: none.
	Admin string `name:"admin" kind:"ADDR" help:"address of health, readiness and backup; empty: none"`

	// PProf serves Go's profiles below /debug/pprof/ on the admin address,
	// which must then be a loopback address.
	PProf bool `name:"pprof" help:"serve profiles on the admin address (loopback only)"`

	// Dev accepts any credential on the AWS APIs: anyone who can connect is
	// root. An access key of 12 digits is taken as the account id. Gatehouse
	// then refuses to listen anywhere but on loopback.
	Dev bool `name:"dev" help:"accept any credential; loopback only, for development"`

	// Account is the 12-digit id of the account that the root credential
	// belongs to, and of every call in dev mode whose access key is not itself
	// an account id.
	Account string `name:"account" kind:"ID" help:"account id of the root credential"`

	// Organization is the id of the organization (o-…) that all accounts
	// belong to, for policies that ask for aws:PrincipalOrgID. Empty: none.
	Organization string `name:"organization" kind:"ID" help:"organization of all accounts, for aws:PrincipalOrgID"`

	// VPCEndpoints say what stands for the VPC endpoints that private APIs are
	// reached by: the endpoint's id, and its VPC with the port of a listener,
	// the networks of clients, or both, as in vpce-1=vpc-1,:8443,10.0.0.0/8.
	// Without port and network every request comes in by the endpoint.
	VPCEndpoints Pairs `name:"vpc-endpoint" file:"vpc-endpoints" kind:"ID=VPC[,:PORT][,CIDR]" help:"what stands for a VPC endpoint"`

	// VPCEndpointPolicies are the files of the policies of VPC endpoints.
	// Without one everything may pass.
	VPCEndpointPolicies Pairs `name:"vpc-endpoint-policy" file:"vpc-endpoint-policies" kind:"ID=FILE" help:"policy of a VPC endpoint"`

	// HTTP1 says which code reads and writes HTTP/1.1 on the data plane: wire
	// (Gatehouse's own, strict and fast, a goroutine per connection), loops
	// (wire, with event loops for simple requests without TLS; elsewhere than on
	// Linux the same as wire) or std (Go's net/http). All serve the same plans.
	HTTP1 string `name:"http1" kind:"loops|wire|std" help:"engine for HTTP/1.1 on the data plane"`

	// AccessLog is where the access logs of stages go: groups (to the log group
	// that each stage names), stdout, a file (opened again on SIGHUP), a URL (which
	// gets them as from Firehose), otlp (to otlp-endpoint), several of these with
	// commas between them, or off.
	AccessLog string `name:"access-log" kind:"groups|stdout|FILE|URL|otlp|off" help:"where access logs go, beside the delivery streams that stages name"`

	// XRayDaemon is the address of an X-Ray daemon, or of a collector that speaks
	// its protocol: it gets the segments of this server, too, by UDP.
	XRayDaemon string `name:"xray-daemon" kind:"HOST:PORT" help:"address of an X-Ray daemon for traces"`

	// XRayListen is the address at which this server is an X-Ray daemon itself, by
	// UDP and TCP, for the X-Ray SDKs in functions and backends. Functions that run
	// here are told it. Callers do not sign: whoever reaches it can write traces.
	XRayListen string `name:"xray-listen" kind:"HOST:PORT" help:"address at which to take segments as an X-Ray daemon does"`

	// XRayRegion is the Region that the segments belong to which xray-listen takes,
	// unless their trace began here in another one.
	XRayRegion string `name:"xray-region" kind:"REGION" help:"Region of the segments that xray-listen takes"`

	// XRayRules is a file of sampling rules in the form of X-Ray's SDKs. They are
	// asked before those that are made by the API.
	XRayRules string `name:"xray-rules" kind:"FILE" help:"file of sampling rules for traces"`

	// XRaySize bounds what traces take on disk. They are kept for 30 days; beyond
	// this bound the oldest go sooner.
	XRaySize Size `name:"xray-size" kind:"SIZE" help:"room on disk for traces"`

	// OTLPEndpoint is where OpenTelemetry's protocol takes telemetry, as
	// http://127.0.0.1:4318: of HTTP the part before /v1/traces, of gRPC scheme,
	// host and port. Empty: nothing is sent.
	OTLPEndpoint string `name:"otlp-endpoint" kind:"URL" help:"OpenTelemetry endpoint (OTLP) for traces, metrics and logs"`

	// OTLPProtocol is http/protobuf or grpc.
	OTLPProtocol string `name:"otlp-protocol" kind:"http/protobuf|grpc" help:"protocol of --otlp-endpoint"`

	// OTLPSignals are what is sent, with commas between: traces (of stages with
	// tracingEnabled), metrics (those of /metrics), logs (the server's own;
	// access-log says whether access logs are sent, otlp-execution-logs whether
	// execution logs are).
	OTLPSignals string `name:"otlp-signals" kind:"traces,metrics,logs" help:"what --otlp-endpoint gets"`

	// OTLPExecutionLogs sends the execution logs of stages to otlp-endpoint, beside
	// their log groups.
	OTLPExecutionLogs bool `name:"otlp-execution-logs" help:"send execution logs to --otlp-endpoint, too"`

	// OTLPHeaders are added to each message, NAME=VALUE with commas between, and
	// %XX for what values cannot have, as in OTEL_EXPORTER_OTLP_HEADERS. Keep secrets
	// in the file or the environment: others see the command line.
	OTLPHeaders string `name:"otlp-headers" kind:"NAME=VALUE,…" help:"headers for --otlp-endpoint"`

	// OTLPResource says who sends, NAME=VALUE with commas between, as in
	// OTEL_RESOURCE_ATTRIBUTES. service.name (gatehouse), service.instance.id,
	// service.version and host.name are there, and can be replaced.
	OTLPResource string `name:"otlp-resource" kind:"NAME=VALUE,…" help:"attributes that tell this server from others"`

	// OTLPInterval is how often metrics are sent.
	OTLPInterval time.Duration `name:"otlp-interval" kind:"TIME" help:"how often metrics are sent to --otlp-endpoint"`

	// OTLPCompression is gzip or none.
	OTLPCompression string `name:"otlp-compression" kind:"gzip|none" help:"compression of what --otlp-endpoint gets"`

	// OTLPCA is the file of the authorities that otlp-endpoint's certificate may be
	// of, in PEM. Empty: the system's.
	OTLPCA string `name:"otlp-ca" kind:"FILE" help:"authorities for --otlp-endpoint, in PEM"`

	// OTLPCert is the file of the certificate to show to otlp-endpoint, in PEM. It
	// needs otlp-key.
	OTLPCert string `name:"otlp-cert" kind:"FILE" help:"certificate to show to --otlp-endpoint, in PEM"`

	// OTLPKey is the file of the private key of otlp-cert, in PEM.
	OTLPKey string `name:"otlp-key" kind:"FILE" help:"private key for --otlp-cert, in PEM"`

	// DeliveryStreams are the URLs that stand for Firehose delivery streams: a
	// stage whose access log goes to the stream amazon-apigateway-NAME sends it
	// there, in Firehose's format for HTTP endpoints.
	DeliveryStreams Pairs `name:"delivery-stream" file:"delivery-streams" kind:"NAME=URL" help:"URL that stands for the delivery stream amazon-apigateway-NAME"`

	// AuditSize bounds what the records of calls of AWS APIs take on disk. They
	// are kept for 90 days; beyond this bound the oldest go sooner.
	AuditSize Size `name:"audit-size" kind:"SIZE" help:"room on disk for the records of API calls"`

	// AuditDelivery is how often trails of CloudTrail deliver files of records to
	// their buckets.
	AuditDelivery time.Duration `name:"audit-delivery" kind:"TIME" help:"how often trails deliver"`
	// AuditDirectories are directories that stand for buckets, for trails to
	// deliver to.
	AuditDirectories Pairs `name:"audit-directory" file:"audit-directories" kind:"BUCKET=DIR" help:"directory that stands for a bucket that trails deliver to"`
	// AuditDigest is how often trails sign what they delivered.
	AuditDigest time.Duration `name:"audit-digest" kind:"TIME" help:"how often trails sign what they delivered"`
	// LogsSize bounds what all log groups together take on disk. Beyond it the
	// oldest events go, whatever the retention of their group.
	LogsSize Size `name:"logs-size" kind:"SIZE" help:"room on disk for all log groups together"`

	// TraceSample is the share of requests that are recorded step by step, for
	// "gatehouse trace": 0 (none) to 1 (all). Failed requests are recorded in any
	// case, without their steps.
	TraceSample string `name:"trace-sample" kind:"SHARE" help:"share of requests that are recorded step by step, 0 to 1"`

	// TraceToken is the value of the header X-Gatehouse-Trace with which a client
	// has its request recorded step by step. Whoever knows it can make the server
	// work more: backends and functions are not shown the header. Empty: no header
	// does, and this one is like any other. The environment is a better place for it
	// than the command line.
	TraceToken string `name:"trace-token" kind:"TOKEN" help:"value of X-Gatehouse-Trace that has a request recorded"`

	// TraceSize bounds what recorded requests take on disk; 0: none are kept.
	TraceSize Size `name:"trace-size" kind:"SIZE" help:"room on disk for recorded requests; 0: none are kept"`

	// LogLevel is the least level of the server's own log: debug, info, warn
	// or error.
	LogLevel string `name:"log-level" kind:"LEVEL" help:"debug, info, warn or error"`

	// LogFormat is the form of the server's own log, on standard error: text
	// or json.
	LogFormat string `name:"log-format" kind:"text|json" help:"form of the server's own log"`

	// MaxHead is the largest request line and header section together that an
	// API client may send. Beyond it the answer is 431. Amazon's limit is 20 KiB.
	MaxHead Size `name:"max-head" kind:"SIZE" help:"largest request line and headers of an API client"`

	// MaxBody is the largest request body that an API client may send. Beyond
	// it the answer is 413. Amazon's limit is 10 MiB.
	MaxBody Size `name:"max-body" kind:"SIZE" help:"largest request body of an API client"`

	// MaxResponseBody is the largest body of a backend's answer that is passed on
	// to API clients, unless it is streamed. Beyond it the answer is 500. Amazon's
	// limit is 10 MiB. What is transformed is held in memory whole.
	MaxResponseBody Size `name:"max-response-body" kind:"SIZE" help:"largest response body of a backend"`

	// BufferBody is how much of a request body is read before a connection to
	// the backend is taken, so that a slow client does not hold a backend.
	BufferBody Size `name:"buffer-body" kind:"SIZE" help:"request body read before a backend connection is taken"`

	// HeadTimeout bounds the time from the first byte of a request's head to
	// its last, and that of a TLS handshake.
	HeadTimeout time.Duration `name:"head-timeout" kind:"TIME" help:"time for a request's head, and for a TLS handshake"`

	// BodyIdle is how long a request body may make no progress.
	BodyIdle time.Duration `name:"body-idle" kind:"TIME" help:"time without progress of a request body"`

	// BodyTimeout bounds the time for a whole request body.
	BodyTimeout time.Duration `name:"body-timeout" kind:"TIME" help:"time for a whole request body"`

	// WriteIdle is how long a client may take nothing of its response.
	WriteIdle time.Duration `name:"write-idle" kind:"TIME" help:"time without progress of a response"`

	// WriteTimeout bounds the time for a whole response.
	WriteTimeout time.Duration `name:"write-timeout" kind:"TIME" help:"time for a whole response"`

	// IdleTimeout is how long a client's connection is kept between requests.
	IdleTimeout time.Duration `name:"idle-timeout" kind:"TIME" help:"time a connection is kept between requests"`

	// MaxConnections bounds the client connections of the data plane. Beyond
	// it idle ones are closed to make room, and new ones wait in the kernel.
	// Connections to WebSocket APIs are counted apart, once they are open: as many
	// of them may be there; beyond it handshakes are answered with 429.
	MaxConnections int `name:"max-connections" kind:"N" help:"client connections of the data plane"`

	// WebSocketMessage is the largest message of a WebSocket API, either way. A
	// client that sends a larger one is disconnected with 1009. Amazon's limit is
	// 128 KiB.
	WebSocketMessage Size `name:"websocket-message" kind:"SIZE" help:"largest message of a WebSocket API"`

	// WebSocketFrame is the largest frame that a client of a WebSocket API may
	// send, and the largest that it is sent. Amazon's limit is 32 KiB.
	WebSocketFrame Size `name:"websocket-frame" kind:"SIZE" help:"largest frame that a client of a WebSocket API may send"`

	// WebSocketIdle is how long a connection to a WebSocket API lasts without a
	// message. Then it is closed with 1001. Amazon's limit is 10 minutes.
	WebSocketIdle time.Duration `name:"websocket-idle" kind:"TIME" help:"time a connection to a WebSocket API lasts without a message"`

	// WebSocketLife is how long a connection to a WebSocket API lasts at all. Then
	// it is closed with 1001. Amazon's limit is 2 hours.
	WebSocketLife time.Duration `name:"websocket-life" kind:"TIME" help:"time a connection to a WebSocket API lasts"`

	// WebSocketDeflate accepts permessage-deflate where clients of WebSocket APIs
	// offer it: messages are compressed, each by itself. Amazon never does.
	WebSocketDeflate bool `name:"websocket-deflate" help:"compress messages of WebSocket APIs with clients that offer it"`

	// BackendConnections bounds the connections to each backend (scheme, host
	// and port). Further requests wait, within the integration's time-out.
	BackendConnections int `name:"backend-connections" kind:"N" help:"connections to each backend"`

	// MetricsSize bounds the disk space of metrics, in the directory metrics of
	// data: what is older than the newest that fit is removed, and all that is
	// older than 15 days. A route with detailed metrics that is called all the time
	// takes some 150 KiB a day.
	MetricsSize Size `name:"metrics-size" kind:"SIZE" help:"disk space of metrics, at most"`

	// MaxMetrics bounds how many metrics clients may make with PutMetricData, with
	// all their dimensions, and metric filters. What comes after is refused. The
	// gateway's own metrics do not count. Each takes some 300 bytes of memory.
	MaxMetrics int `name:"max-metrics" kind:"N" help:"metrics that clients may make with PutMetricData, at most"`

	// CacheMemory bounds the memory of each stage's cache, over and above its
	// cacheClusterSize: the smaller of the two holds. A stage takes memory only
	// for what it has cached. Responses over 1 MiB are not cached.
	CacheMemory Size `name:"cache-memory" kind:"SIZE" help:"memory of each stage's cache, at most"`

	// Limits is aws for a gateway that refuses what Amazon's would: it holds
	// each account to 10,000 requests a second and 5,000 at once in each Region
	// (account-rate, account-burst). All other limits are Amazon's anyway. What
	// is set besides it counts, as if Amazon had raised a quota.
	Limits string `name:"limits" kind:"default|aws" help:"aws: all limits as at Amazon, but for those that are set too"`

	// RestAPIs is how many REGIONAL REST APIs an account may have in one Region,
	// and as many PRIVATE ones. This and the next ones are Amazon's quotas, with
	// Amazon's defaults. Lowering one takes nothing away that exists.
	RestAPIs int `name:"rest-apis" kind:"N" help:"REGIONAL, and as many PRIVATE, REST APIs of an account in one Region"`

	// EdgeAPIs is how many EDGE REST APIs an account may have in one Region.
	EdgeAPIs int `name:"edge-apis" kind:"N" help:"EDGE REST APIs of an account in one Region"`

	// ResourcesPerAPI is how many resources a REST API may have.
	ResourcesPerAPI int `name:"resources-per-api" kind:"N" help:"resources of a REST API"`

	// RoutesPerAPI is how many routes an HTTP or WebSocket API may have.
	RoutesPerAPI int `name:"routes-per-api" kind:"N" help:"routes of an HTTP or WebSocket API"`

	// IntegrationsPerAPI is how many integrations an HTTP or WebSocket API may have.
	IntegrationsPerAPI int `name:"integrations-per-api" kind:"N" help:"integrations of an HTTP or WebSocket API"`

	// HTTPAPIKeys lets routes of HTTP APIs require API keys (apiKeyRequired), with
	// the usage plans of REST APIs. Amazon refuses them.
	HTTPAPIKeys bool `name:"http-api-keys" help:"let routes of HTTP APIs require API keys"`

	// HTTPAPIExecutionLogs lets stages of HTTP APIs have execution logs
	// (loggingLevel, dataTraceEnabled). Amazon refuses them.
	HTTPAPIExecutionLogs bool `name:"http-api-execution-logs" help:"let stages of HTTP APIs have execution logs"`

	// HTTPAPITracing has X-Ray told of requests to HTTP APIs, and of connections
	// and messages of WebSocket APIs, as of those to REST APIs with tracingEnabled:
	// the sampling rules choose. At Amazon X-Ray knows nothing of them. The OTLP
	// endpoint gets spans of them in any case.
	HTTPAPITracing bool `name:"http-api-tracing" help:"tell X-Ray of requests to HTTP and WebSocket APIs"`

	// StagesPerAPI is how many stages a REST API may have.
	StagesPerAPI int `name:"stages-per-api" kind:"N" help:"stages of a REST API"`

	// ModelsPerAPI is how many models a REST API may have. Amazon's quota is not
	// published.
	ModelsPerAPI int `name:"models-per-api" kind:"N" help:"models of a REST API"`

	// DocumentationParts is how many documentation parts a REST API may have.
	DocumentationParts int `name:"documentation-parts" kind:"N" help:"documentation parts of a REST API"`

	// DocumentationVersions is how many versions of its documentation a REST API
	// may have. Amazon's quota is not published.
	DocumentationVersions int `name:"documentation-versions" kind:"N" help:"documentation versions of a REST API"`

	// DeploymentsPerAPI is how many deployments a REST API may have. Amazon's
	// quota is not published.
	DeploymentsPerAPI int `name:"deployments-per-api" kind:"N" help:"deployments of a REST API"`

	// ValidatorsPerAPI is how many request validators a REST API may have.
	// Amazon's quota is not published.
	ValidatorsPerAPI int `name:"validators-per-api" kind:"N" help:"request validators of a REST API"`

	// MappingsPerDomain is how many base path or API mappings a custom domain name may
	// have. Amazon's quota is for those of several segments only.
	MappingsPerDomain int `name:"mappings-per-domain" kind:"N" help:"base path mappings of a custom domain name"`

	// PolicySize is the longest resource policy of a REST API or a private custom
	// domain name.
	PolicySize Size `name:"policy-size" kind:"SIZE" help:"longest resource policy"`

	// AccessAssociations is how many associations of VPC endpoints with private
	// custom domain names an account may have in one Region. Amazon's quota is
	// not published.
	AccessAssociations int `name:"access-associations" kind:"N" help:"access associations of an account in one Region"`

	// StageVariables is how many variables a stage may have.
	StageVariables int `name:"stage-variables" kind:"N" help:"variables of a stage"`

	// APIKeys is how many API keys an account may have in one Region.
	APIKeys int `name:"api-keys" kind:"N" help:"API keys of an account in one Region"`

	// UsagePlans is how many usage plans an account may have in one Region.
	UsagePlans int `name:"usage-plans" kind:"N" help:"usage plans of an account in one Region"`

	// AuthorizersPerAPI is how many authorizers a REST API may have.
	AuthorizersPerAPI int `name:"authorizers-per-api" kind:"N" help:"authorizers of a REST API"`

	// UsagePlansPerKey is how many usage plans an API key may be in.
	UsagePlansPerKey int `name:"usage-plans-per-key" kind:"N" help:"usage plans of an API key"`

	// DomainNames is how many custom domain names an account may have in one
	// Region.
	DomainNames int `name:"domain-names" kind:"N" help:"custom domain names of an account in one Region"`

	// CloudFormationInert are types of resources, with commas between them, that
	// templates may hold though Gatehouse does not have them, such as
	// AWS::SNS::Topic: they are accepted and do nothing.
	CloudFormationInert string `name:"cloudformation-inert" kind:"TYPE,..." help:"types of resources that templates may hold and that do nothing"`

	// CloudFormationAnswers is where functions that run elsewhere reach this server,
	// to say what became of custom resources: a URL without path. Without it they
	// are given the API address, which those on this machine reach.
	CloudFormationAnswers string `name:"cloudformation-answers" kind:"URL" help:"where functions elsewhere reach this server with answers of custom resources"`

	// VPCLinks is how many VPC links an account may have in one Region.
	VPCLinks int `name:"vpc-links" kind:"N" help:"VPC links of an account in one Region"`

	// ClientCertificates is how many client certificates an account may have in
	// one Region.
	ClientCertificates int `name:"client-certificates" kind:"N" help:"client certificates of an account in one Region"`

	// IntegrationTimeout is the longest timeoutInMillis of the integrations of
	// REGIONAL and PRIVATE APIs. Those of EDGE APIs have 29 s at most, those
	// that stream their response 15 min, as at Amazon.
	IntegrationTimeout time.Duration `name:"integration-timeout" kind:"TIME" help:"longest time-out of an integration"`

	// AccountRate is how many requests a second all stages of an account in one
	// Region may get together, over and above their own limits. Further ones
	// are answered 429. 0: no such limit. Amazon's is 10,000.
	AccountRate int `name:"account-rate" kind:"N" help:"requests a second of an account in one Region; 0: no limit"`

	// AccountBurst is how many requests may come at once under account-rate.
	// Amazon's is 5,000.
	AccountBurst int `name:"account-burst" kind:"N" help:"requests at once under --account-rate"`

	// FunctionConcurrency is how many invocations of the functions of an account
	// may run at once, as processes of this machine. Further ones are answered
	// 429. It is Amazon's quota, with Amazon's default.
	FunctionConcurrency int `name:"function-concurrency" kind:"N" help:"invocations of an account's functions at once"`

	// FunctionCgroup is a directory of cgroup v2 in which the server makes a group
	// for each instance of a function, so that the kernel bounds what it uses. It
	// must be delegated to the server and hold no process. Empty: instances are
	// watched.
	FunctionCgroup string `name:"function-cgroup" kind:"DIR" help:"cgroup v2 directory for instances of functions"`

	// FunctionCodeStorage is how much zip files of functions and layers an account
	// may have in a Region, each version counted. More is refused with
	// CodeStorageExceededException. It is Amazon's quota, with Amazon's default.
	FunctionCodeStorage Size `name:"function-code-storage" kind:"SIZE" help:"zip files of an account's functions and layers in a Region, at most"`

	// FunctionIsolation says whether instances of functions get a sandbox: files
	// where Amazon has them, nothing else of the machine that they need not have,
	// and no sight of other processes. auto: where the kernel allows it (Linux 5.12
	// or later, with namespaces), else none, and the log says so; require: the server
	// does not start without; off: none.
	FunctionIsolation string `name:"function-isolation" kind:"MODE" help:"sandboxes for functions: auto, require or off"`

	// FunctionEndpoints says where functions run that do not run here. The name is
	// that of functions, pay-* with * for any text, or 123456789012:pay-* with the
	// account, or eu-west-1:123456789012:pay-* with the Region; of several that match
	// the longest counts. The value is lambda:URL for a server that speaks Lambda's
	// API, aws for Amazon's, or the URL of an HTTP server that gets the event in a
	// POST and answers with the result. Functions that are neither here nor listed
	// are called at the service-endpoint of lambda, if it is set.
	FunctionEndpoints Pairs `name:"function-endpoint" file:"function_endpoints" kind:"NAME=PLACE" help:"where functions run: lambda:URL, aws or a URL; may be given more than once"`

	// AlarmActions says what the actions of alarms stand for. The name is the ARN
	// that alarms have, in which * stands for any text; of several that match the
	// longest counts. The value is a URL, which gets the message that Amazon sends to
	// topics in a POST, or exec:PROGRAM, the absolute path of a program that reads it
	// from its standard input. Not named need to be functions, and topics of SNS
	// where service-endpoint says where sns is. Alarms with other actions are refused.
	AlarmActions Pairs `name:"alarm-action" file:"alarm_actions" kind:"ARN=PLACE" help:"what an action of alarms stands for: a URL or exec:PROGRAM; may be given more than once"`

	// ServiceEndpoints says where AWS services are, for integrations of type AWS
	// and whatever else calls one. A service that is not named here is not called.
	// The name is that of the service in the integration's URI: sqs, with a subdomain
	// runtime.sagemaker, with a Region sqs@eu-west-1, or * for all others. The value is the
	// URL of a compatible server, in which {service}, {region} and {subdomain} are
	// replaced; aws for Amazon's own; or self for the AWS APIs of this server.
	ServiceEndpoints Pairs `name:"service-endpoint" file:"service_endpoints" kind:"NAME=URL" help:"where an AWS service is: a URL, aws or self; may be given more than once"`

	// AWSCredentials are the server's own credentials towards AWS services: aws (what
	// the AWS SDKs would find: environment, shared files, web identity, container, instance),
	// profile:NAME (of the shared files), root (the root credential of this
	// server) or none. With them roles are assumed, once service-endpoint names
	// an STS elsewhere.
	AWSCredentials string `name:"aws-credentials" kind:"SOURCE" help:"the server's own credentials towards AWS services: aws, profile:NAME, root or none"`

	// RoleCredentials names a source of credentials, as aws-credentials does, for
	// roles that are not to be assumed: by ARN, or * for all others. Whoever may put
	// such an integration acts with them.
	RoleCredentials Pairs `name:"role-credentials" file:"role_credentials" kind:"ARN=SOURCE" help:"credentials of a role that is not assumed; may be given more than once"`

	// Zone is where this node is. Of a cluster's endpoints of one priority, those
	// in the same zone get the requests as long as enough of them are well.
	Zone string `name:"zone" kind:"NAME" help:"zone of this node, whose endpoints come first"`

	// LoadBalancers says where the targets of VPC links are: for the ARN of a
	// Network Load Balancer the addresses behind it, each host:port, or host
	// alone for the port of the integration's URI.
	LoadBalancers Pairs `name:"load-balancer" file:"load_balancers" kind:"ARN=ADDR,ADDR" help:"addresses of a load balancer that VPC links name; may be given more than once"`

	// TokenLeeway is how far the clocks of identity providers may be from this one:
	// a token counts so long before its nbf and iat and after its exp. At most 5 min.
	TokenLeeway time.Duration `name:"token-leeway" kind:"TIME" help:"how far the clocks of identity providers may be off"`

	// UserPools says whose tokens a Cognito authorizer takes in the place of a user
	// pool's: for the ARN of the pool the URL of an OpenID Connect issuer, as its
	// tokens have it in iss. A pool that is not here is Cognito's own.
	UserPools Pairs `name:"user-pool" file:"user_pools" kind:"ARN=URL" help:"issuer that stands for a Cognito user pool; may be given more than once"`

	// Drain is how long the server waits at shutdown for exchanges that are
	// still running. Those that take longer are cut off. URLs that take access logs
	// have as long again for the last lines, but a second at least.
	Drain time.Duration `name:"drain" kind:"TIME" help:"how long shutdown waits for running requests"`

	// Functions are the functions that stand in the configuration file. They are no
	// setting with a name: docs/functions.md tells of them.
	Functions []LocalFunction

	// Clusters are the clusters of several endpoints, by name. They too stand in
	// the configuration file only: docs/clusters.md tells of them.
	Clusters map[string]upstream.Definition

	// Discover says where clusters find their endpoints, by name: docs/discovery.md
	// tells of it.
	Discover map[string]*discovery.Config
}

// Defaults returns the configuration of a server that was told nothing.
func Defaults() *Config {
	return &Config{
		Data:    ".gatehouse",
		API:     "127.0.0.1:4566",
		Listen:  "127.0.0.1:8080",
		Admin:   "127.0.0.1:9901",
		Account: "000000000000",
		HTTP1:   "loops",

		TLSClientAuth: "required",

		AccessLog: logToGroups,
		LogsSize:  4 << 30,
		AuditSize: 1 << 30, AuditDelivery: 5 * time.Minute, AuditDigest: time.Hour,

		OTLPProtocol: otlpHTTP, OTLPSignals: "traces,metrics,logs", OTLPInterval: time.Minute, OTLPCompression: "gzip",

		TraceSample: "0",
		TraceSize:   64 << 20,
		XRaySize:    256 << 20, XRayRegion: "us-east-1",

		LogLevel:  "info",
		LogFormat: "text",
		Drain:     10 * time.Second,

		FunctionIsolation: function.IsolationAuto, FunctionCodeStorage: 75 << 30,

		AWSCredentials: "aws",

		MaxHead: 20 << 10, MaxBody: 10 << 20, MaxResponseBody: 10 << 20, BufferBody: 64 << 10,
		HeadTimeout: 10 * time.Second, IdleTimeout: 310 * time.Second,
		BodyIdle: 30 * time.Second, BodyTimeout: 5 * time.Minute,
		WriteIdle: 30 * time.Second, WriteTimeout: 15 * time.Minute,
		WebSocketMessage: 128 << 10, WebSocketFrame: 32 << 10, WebSocketIdle: 10 * time.Minute, WebSocketLife: 2 * time.Hour,
		MaxConnections: 65_536, BackendConnections: 1024, FunctionConcurrency: 1000, CacheMemory: 256 << 20, MetricsSize: 1 << 30, MaxMetrics: 100_000,

		Limits:   "default",
		RestAPIs: 600, EdgeAPIs: 120, ResourcesPerAPI: 300, RoutesPerAPI: 300, IntegrationsPerAPI: 300, StagesPerAPI: 10, ModelsPerAPI: 400, DocumentationParts: 2000, DocumentationVersions: 10_000,
		DeploymentsPerAPI: 10_000, ValidatorsPerAPI: 400, MappingsPerDomain: 10_000, PolicySize: 8 << 10, AccessAssociations: 100, StageVariables: 100, AuthorizersPerAPI: 10,
		APIKeys: 10_000, UsagePlans: 300, UsagePlansPerKey: 10, DomainNames: 120, VPCLinks: 20, ClientCertificates: 60,
		IntegrationTimeout: 29 * time.Second,
	}
}

// AWSLimits are the defaults of a server whose limits are as at Amazon
// (limits: aws).
//
// AWS: "Amazon API Gateway quotas": 10,000 requests a second; the burst is
// recorded (GetAccount).
func AWSLimits() *Config {
	c := Defaults()
	c.Limits, c.AccountRate, c.AccountBurst = "aws", 10_000, 5_000
	return c
}

// Check reports every setting that cannot work, each with what to do about it.
func (c *Config) Check() error {
	return errors.Join(
		c.checkAddresses(),
		c.checkDev(),
		c.checkTLS(),
		second(c.proxies()),
		c.checkAccount(),
		c.checkAWS(), c.checkAlarmActions(),
		oneOf("http1", c.HTTP1, "loops", "wire", "std"),
		oneOf("limits", c.Limits, "default", "aws"),
		c.checkIntegrationTimeout(),
		oneOf("log-level", c.LogLevel, "debug", "info", "warn", "error"),
		oneOf("function-isolation", c.FunctionIsolation, function.IsolationAuto, function.IsolationRequire, function.IsolationOff),
		oneOf("log-format", c.LogFormat, "text", "json"),
		c.checkRest(),
		c.checkFunctions(),
		c.checkClusters(),
		c.checkLogs(),
		c.checkAudit(),
		c.checkXRay(),
		c.checkOTLP(),
	)
}

func (c *Config) checkAddresses() error {
	var errs []error
	for _, a := range c.addresses() {
		if _, _, err := net.SplitHostPort(a.value); err != nil && a.value != "" {
			errs = append(errs, fmt.Errorf("%s: %q is not an address: write host:port, for example 127.0.0.1:8080 or :8080", a.name, a.value))
		}
	}
	if c.API == "" {
		errs = append(errs, errors.New("api: needs an address; without it nothing can be configured"))
	}
	return errors.Join(errs...)
}

type address struct{ name, value string }

func (c *Config) addresses() []address {
	return []address{{"api", c.API}, {"listen", c.Listen}, {"listen-tls", c.ListenTLS}, {"admin", c.Admin}, {"dns", c.DNS}}
}

func (c *Config) checkDev() error {
	if !c.Dev {
		return nil
	}
	var errs []error
	for _, a := range c.addresses() {
		if a.value != "" && !isLoopback(a.value) {
			errs = append(errs, fmt.Errorf("%s: %s is not a loopback address, and with dev anyone who connects is root: "+
				"use 127.0.0.1, or leave dev out and sign with the root credential", a.name, a.value))
		}
	}
	return errors.Join(errs...)
}

// second is an error that came with something else.
func second[T any](_ T, err error) error { return err }

// proxies are the prefixes of proxy-protocol.
func (c *Config) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for text := range strings.SplitSeq(c.ProxyProtocol, ",") {
		if text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("proxy-protocol: %q is no prefix: write for example 10.0.0.0/8", text)
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

func (c *Config) checkTLS() error {
	switch {
	case c.ListenTLS != "" && (c.TLSCert == "" || c.TLSKey == ""):
		return errors.New("listen-tls: needs tls-cert and tls-key too")
	case c.ListenTLS == "" && (c.TLSCert != "" || c.TLSKey != ""):
		return errors.New("tls-cert, tls-key: have no use without listen-tls; give it an address such as :8443")
	case c.ListenTLS == "" && c.TLSClientCA != "":
		return errors.New("tls-client-ca: has no use without listen-tls; give it an address such as :8443")
	case c.TLSClientCA == "" && (c.TLSClientCRL != "" || c.TLSClientOCSP):
		return errors.New("tls-client-crl, tls-client-ocsp: have no use without tls-client-ca")
	}
	return oneOf("tls-client-auth", c.TLSClientAuth, "required", "optional")
}

func (c *Config) checkAccount() error {
	if !isAccount(c.Account) {
		return fmt.Errorf("account: %q is not an account id: write 12 digits", c.Account)
	}
	return nil
}

func (c *Config) checkRest() error {
	var errs []error
	if c.Data == "" {
		errs = append(errs, errors.New("data: needs a directory"))
	}
	if c.Drain < 0 {
		errs = append(errs, fmt.Errorf("drain: %v is less than nothing", c.Drain))
	}
	if c.AccountRate < 0 || c.AccountBurst < 0 || (c.AccountRate == 0) != (c.AccountBurst == 0) {
		errs = append(errs, errors.New("account-rate, account-burst: give both a number above 0, or neither"))
	}
	mayBeZero := []string{"token-leeway", "drain", "trace-size", "account-rate", "account-burst"}
	for _, s := range c.Settings() {
		if !slices.Contains(mayBeZero, s.Name) && s.isZeroNumber() {
			errs = append(errs, fmt.Errorf("%s: %s is too little: it must be more than nothing", s.Name, s))
		}
	}
	if c.PProf && (c.Admin == "" || !isLoopback(c.Admin)) {
		errs = append(errs, errors.New("pprof: needs an admin address on loopback, such as 127.0.0.1:9901"))
	}
	return errors.Join(errs...)
}

// maxIntegrationTimeout is the longest that an integration may ever take.
const maxIntegrationTimeout = 15 * time.Minute

func (c *Config) checkIntegrationTimeout() error {
	if t := c.IntegrationTimeout; t < 50*time.Millisecond || t > maxIntegrationTimeout || t%time.Millisecond != 0 {
		return fmt.Errorf("integration-timeout: %v is not between 50ms and %v, in whole milliseconds", t, maxIntegrationTimeout)
	}
	return nil
}

func (c *Config) storeFile() string  { return filepath.Join(c.Data, "store.db") }
func (c *Config) usageFile() string  { return filepath.Join(c.Data, "usage.db") }
func (c *Config) metricsDir() string { return filepath.Join(c.Data, "metrics") }
func (c *Config) runFile() string    { return filepath.Join(c.Data, "run.json") }

func oneOf(name, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s: %q is not one of %v", name, value, allowed)
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// isLoopback tells whether hostport can be reached from this machine only.
// Names are not looked up: "localhost" is the one that is known.
func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
