package record

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/store"
)

// functions is the part of the keys of functions and layers that names the AWS
// API. The compiler passes them over: who keeps the host of functions current
// reads them.
const functions = "lambda"

// The kinds of records of functions, with what their ids are made of.
const (
	KindFunction        Kind = "function"        // name
	KindFunctionVersion Kind = "functionversion" // name, number
	KindFunctionNumber  Kind = "functionnumber"  // name
	KindLayerVersion    Kind = "layerversion"    // name, number
	KindLayerNumber     Kind = "layernumber"     // name
)

// A Function is a function with everything that is not frozen in a version: the
// code and configuration that $LATEST has, and what its aliases point at.
type Function struct {
	Scope
	Name    string
	Created time.Time

	Latest  FunctionCode
	Aliases map[string]api.AliasConfiguration `json:",omitzero"` // by name

	// Policies, event settings and their revisions, by qualifier; that of
	// $LATEST is $LATEST, whether the caller wrote it or none.
	Policies map[string][]jsontext.Value              `json:",omitzero"` // statements
	Events   map[string]api.FunctionEventInvokeConfig `json:",omitzero"`

	Reserved *int32            `json:",omitzero"` // concurrency; nil: none
	Tags     map[string]string `json:",omitzero"`

	// Configured says that the function stands in the configuration file.
	Configured bool `json:",omitzero"`
}

// A FunctionVersion is code with its configuration that no longer changes.
type FunctionVersion struct {
	Scope
	Function string
	FunctionCode
}

// A FunctionCode is code and configuration, and where the code is: a zip file
// kept as a blob, or a directory of this machine.
type FunctionCode struct {
	api.FunctionConfiguration
	Zip                      store.Ref   `json:",omitzero"`
	Dir                      string      `json:",omitzero"` // instead of Zip
	LayerZips                []store.Ref `json:",omitzero"` // in the order of Layers
	Unpacked, LayersUnpacked int64       `json:",omitzero"` // bytes of files, as the zip files say
	Unpublished              string      `json:",omitzero"` // the state of $LATEST that the newest version was made of
}

// A LayerVersion is the content of a layer.
type LayerVersion struct {
	Scope
	Name     string
	Number   int64
	Zip      store.Ref
	Unpacked int64 `json:",omitzero"` // bytes of files, as the zip file says
	api.PublishLayerVersionResponse
}

// A Counter gives numbers to the versions of one name. It stays when what bears
// the name is deleted, for no number is given twice.
type Counter struct{ Last int64 }

// FunctionTables are the records of functions and layers of one account in one
// region. They are cheap to make.
type FunctionTables struct {
	Scope           Scope
	Functions       store.Table[Function]
	Versions        store.Table[FunctionVersion]
	FunctionNumbers store.Table[Counter]
	LayerVersions   store.Table[LayerVersion]
	LayerNumbers    store.Table[Counter]

	// Blobs holds the zip files, nothing else.
	Blobs *store.Blobs
}

// FunctionsIn returns the tables of functions of one account in one region. The
// blobs only lend their coders.
func FunctionsIn(st store.Store, blobs *store.Blobs, s Scope) FunctionTables {
	return FunctionTables{
		Scope:           s,
		Functions:       store.NewTable[Function](st, s.functionPrefix(KindFunction)),
		Versions:        store.NewTable[FunctionVersion](st, s.functionPrefix(KindFunctionVersion)),
		FunctionNumbers: store.NewTable[Counter](st, s.functionPrefix(KindFunctionNumber)),
		LayerVersions:   store.NewTable[LayerVersion](st, s.functionPrefix(KindLayerVersion)),
		LayerNumbers:    store.NewTable[Counter](st, s.functionPrefix(KindLayerNumber)),
		Blobs:           blobs.Below(s.functionPrefix(kindBlob)),
	}
}

func (s Scope) functionPrefix(k Kind) string {
	return store.Prefix(s.Account, s.Region, functions, string(k))
}

// ParseFunctionKey takes the key of a function or of one of its versions apart.
// It reports false for all other keys.
func ParseFunctionKey(key string) (Key, bool) {
	parts := store.Parts(key)
	if len(parts) < 5 || parts[2] != functions {
		return Key{}, false
	}
	k := Key{Scope: Scope{parts[0], parts[1]}, Kind: Kind(parts[3]), ID: parts[4:]}
	return k, k.Kind == KindFunction && len(k.ID) == 1 || k.Kind == KindFunctionVersion && len(k.ID) == 2
}
