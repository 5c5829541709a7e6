// Package upstream reaches backends: named clusters of interchangeable
// endpoints, and the connections kept open to them.
//
// A [Cluster] is looked up once, when the table is built, and lives in a
// [Registry] that outlives tables. [Cluster.Do] sends one request and returns
// when the head of the response is there; the response's body streams, and
// closing its Source gives the connection back.
//
// A [Definition] is a cluster of several endpoints, called by NAME.cluster. Each
// endpoint is a Cluster of its own, and [Cluster.Pick] chooses one. Upstream knows HTTP and
// addresses, but has never heard of an API or a stage.
package upstream
