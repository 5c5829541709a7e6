// Package record says what is stored for the compiler to read: one Go type
// for each kind of stored thing, its key and its table.
//
// A record embeds the generated wire shape of its thing, so that what an SDK
// sends is what is kept and what is returned. The methods, integrations and
// models of a REST API are not records of their own: a [Definition] holds all
// of them as one value, stored as one blob under its content's hash, and the
// records of the API and of its deployments name it by that hash. A change
// makes a new definition and turns one reference; a deployment freezes one by
// keeping a reference.
//
// Keys read /<account>/<region>/apigateway/<kind>/<id…>. The package knows
// neither how records come to be changed nor what is made of them.
package record

import (
	"slices"

	"gatehouse/internal/store"
)

// service is the part of every key that names the AWS API.
const service = "apigateway"

// A Kind is a kind of record, as it stands in keys.
type Kind string

// The kinds of records, with what their ids are made of.
const (
	KindAccount           Kind = "account"           // "settings"
	KindRestAPI           Kind = "restapi"           // api
	KindDeployment        Kind = "deployment"        // api, deployment
	KindStage             Kind = "stage"             // api, stage name
	KindAPIKey            Kind = "apikey"            // key
	KindAPIKeyValue       Kind = "apikeyvalue"       // SHA-256 of the value
	KindUsagePlan         Kind = "usageplan"         // plan
	KindUsagePlanKey      Kind = "usageplankey"      // plan, key
	KindDomainName        Kind = "domainname"        // domain name
	KindBasePathMapping   Kind = "basepathmapping"   // domain name, base path
	KindVPCLink           Kind = "vpclink"           // link
	KindClientCertificate Kind = "clientcertificate" // certificate
	KindAPI               Kind = "v2api"             // api
	KindAPIDeployment     Kind = "v2deployment"      // api, deployment
	KindAPIStage          Kind = "v2stage"           // api, stage name
	KindAPIVPCLink        Kind = "v2vpclink"         // link
	KindDomainAccess      Kind = "domainaccess"      // Region, VPC endpoint, domain name; of Everywhere
	KindCertificate       Kind = "certificate"       // certificate of ACM
	KindRoutingRule       Kind = "routingrule"       // domain name, rule
	kindBlob              Kind = "blob"

	// Only the service reads these; to everybody else they are not records.
	kindDocumentationVersion Kind = "documentationversion" // api, version
)

// A Scope is an account and a region: the space in which ids are unique, and
// out of which no request can see.
type Scope struct{ Account, Region string }

// Everywhere is the scope of what all accounts have together.
var Everywhere = Scope{"-", "-"}

// prefix is what the keys of a kind begin with.
func (s Scope) prefix(k Kind) string {
	return store.Prefix(s.Account, s.Region, service, string(k))
}

// A Key is a key of this package taken apart.
type Key struct {
	Scope
	Kind Kind
	ID   []string // see the kinds
}

// ParseKey takes a key apart. It reports false for keys of other services, and
// for the blobs and the documentation of this one.
func ParseKey(key string) (Key, bool) {
	parts := store.Parts(key)
	if len(parts) < 5 || parts[2] != service {
		return Key{}, false
	}
	k := Key{Scope: Scope{parts[0], parts[1]}, Kind: Kind(parts[3]), ID: parts[4:]}
	return k, slices.Contains(kinds, k.Kind)
}

var kinds = []Kind{
	KindAccount, KindRestAPI, KindDeployment, KindStage, KindAPIKey, KindAPIKeyValue,
	KindUsagePlan, KindUsagePlanKey, KindDomainName, KindBasePathMapping, KindVPCLink, KindClientCertificate,
	KindAPI, KindAPIDeployment, KindAPIStage, KindAPIVPCLink, KindDomainAccess, KindRoutingRule, KindCertificate,
}

// Tables are the records of one account in one region. They are cheap to make.
type Tables struct {
	Scope              Scope
	Accounts           store.Table[Account]
	RestAPIs           store.Table[RestAPI]
	Deployments        store.Table[Deployment]
	Stages             store.Table[Stage]
	APIKeys            store.Table[APIKey]
	ServedKeys         store.Table[ServedKey] // the same records as APIKeys, to read
	APIKeyValues       store.Table[APIKeyValue]
	UsagePlans         store.Table[UsagePlan]
	UsagePlanKeys      store.Table[UsagePlanKey]
	DomainNames        store.Table[DomainName]
	BasePathMappings   store.Table[BasePathMapping]
	VPCLinks           store.Table[VPCLink]
	ClientCertificates store.Table[ClientCertificate]
	APIs               store.Table[API]
	APIDeployments     store.Table[APIDeployment]
	APIStages          store.Table[APIStage]
	APIVPCLinks        store.Table[APIVPCLink]
	RoutingRules       store.Table[RoutingRule]
	Certificates       store.Table[Certificate]

	DocumentationVersions store.Table[DocumentationVersion]

	// Blobs holds the definitions and the documentation, nothing else.
	Blobs *store.Blobs
}

// In returns the tables of one account in one region. The blobs only lend
// their coders: definitions are kept below the scope's own prefix.
func In(st store.Store, blobs *store.Blobs, s Scope) Tables {
	return Tables{
		Scope:              s,
		Accounts:           store.NewTable[Account](st, s.prefix(KindAccount)),
		RestAPIs:           store.NewTable[RestAPI](st, s.prefix(KindRestAPI)),
		Deployments:        store.NewTable[Deployment](st, s.prefix(KindDeployment)),
		Stages:             store.NewTable[Stage](st, s.prefix(KindStage)),
		APIKeys:            store.NewTable[APIKey](st, s.prefix(KindAPIKey)),
		ServedKeys:         store.NewTable[ServedKey](st, s.prefix(KindAPIKey)),
		APIKeyValues:       store.NewTable[APIKeyValue](st, s.prefix(KindAPIKeyValue)),
		UsagePlans:         store.NewTable[UsagePlan](st, s.prefix(KindUsagePlan)),
		UsagePlanKeys:      store.NewTable[UsagePlanKey](st, s.prefix(KindUsagePlanKey)),
		DomainNames:        store.NewTable[DomainName](st, s.prefix(KindDomainName)),
		BasePathMappings:   store.NewTable[BasePathMapping](st, s.prefix(KindBasePathMapping)),
		VPCLinks:           store.NewTable[VPCLink](st, s.prefix(KindVPCLink)),
		ClientCertificates: store.NewTable[ClientCertificate](st, s.prefix(KindClientCertificate)),
		APIs:               store.NewTable[API](st, s.prefix(KindAPI)),
		APIDeployments:     store.NewTable[APIDeployment](st, s.prefix(KindAPIDeployment)),
		APIStages:          store.NewTable[APIStage](st, s.prefix(KindAPIStage)),
		APIVPCLinks:        store.NewTable[APIVPCLink](st, s.prefix(KindAPIVPCLink)),
		RoutingRules:       store.NewTable[RoutingRule](st, s.prefix(KindRoutingRule)),
		Certificates:       store.NewTable[Certificate](st, s.prefix(KindCertificate)),
		Blobs:              blobs.Below(s.prefix(kindBlob)),

		DocumentationVersions: store.NewTable[DocumentationVersion](st, s.prefix(kindDocumentationVersion)),
	}
}
