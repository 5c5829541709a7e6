package vtl

import "errors"

// The methods of values: those of the Java classes that templates use.

// A native is a method. Its arguments are as many as its entry says.
type native func(r *run, c call) (Value, error)

// A method is all methods of one name, by what they are called on.
type method struct {
	text, list, dict, number, truth, entry, input, util arity
	write                                               func(r *run, dst []byte, c call) ([]byte, bool, error) // appends the result, where that saves making it
	any                                                 arity
}

// An arity is a method by the number of its arguments.
type arity [4]native

// of returns the method for a receiver and so many arguments, or nil.
func (m *method) of(v Value, args int) native {
	if m == nil || args >= len(arity{}) {
		return nil
	}
	var a *arity
	switch v.kind {
	case String:
		a = &m.text
	case List:
		a = &m.list
	case Map, kindContext, Group:
		a = &m.dict
	case Int, Double, BigInt, Decimal:
		a = &m.number
	case Bool:
		a = &m.truth
	case kindEntry, kindLoop:
		a = &m.entry
	case kindInput:
		a = &m.input
	case kindUtil:
		a = &m.util
	default:
		return nil
	}
	if a[args] == nil && v.kind != kindInput && v.kind != kindUtil {
		a = &m.any
	}
	return a[args]
}

// precompile makes ready what constant arguments decide.
func (s *selector) precompile() error {
	if s.method == nil || len(s.args) == 0 {
		return nil
	}
	text, ok := s.args[0].(stringExpr)
	if !ok {
		return nil
	}
	switch s.name {
	case "json", "path":
		s.path, s.broken = CompilePath(string(text))
	case "matches":
		s.regexp, s.broken = compileRegexp(string(text), true)
	case "replaceAll", "replaceFirst", "split":
		s.regexp, s.broken = compileRegexp(string(text), false)
	}
	// AWS: a broken pattern or path fails when it is used. One that is only
	// beyond us is refused at once.
	var beyond *unsupportedError
	if errors.As(s.broken, &beyond) {
		return s.broken
	}
	return nil
}

func one(f native) arity       { return arity{1: f} }
func none(f native) arity      { return arity{0: f} }
func two(f native) arity       { return arity{2: f} }
func oneOrTwo(f native) arity  { return arity{1: f, 2: f} }
func noneOrOne(f native) arity { return arity{0: f, 1: f} }

// methods are all methods by name.
var methods = map[string]*method{
	// java.lang.Object
	"toString": {any: none(anyToString)},
	"equals":   {any: one(anyEquals)},
	"hashCode": {text: none(anyHashCode), number: none(anyHashCode)},

	// java.lang.String
	"length":           {text: none(stringLength)},
	"isEmpty":          {text: none(stringIsEmpty), list: none(listIsEmpty), dict: none(mapIsEmpty)},
	"isBlank":          {text: none(stringIsBlank)},
	"charAt":           {text: one(stringCharAt)},
	"codePointAt":      {text: one(stringCodePointAt)},
	"substring":        {text: oneOrTwo(stringSubstring)},
	"subSequence":      {text: two(stringSubstring)},
	"indexOf":          {text: oneOrTwo(stringIndexOf), list: one(listIndexOf)},
	"lastIndexOf":      {text: oneOrTwo(stringLastIndexOf), list: one(listLastIndexOf)},
	"contains":         {text: one(stringContains), list: one(listContains)},
	"startsWith":       {text: oneOrTwo(stringStartsWith)},
	"endsWith":         {text: one(stringEndsWith)},
	"equalsIgnoreCase": {text: one(stringEqualsFold)},
	"compareTo":        {text: one(stringCompare), number: one(numberCompare)},
	"concat":           {text: one(stringConcat)},
	"toUpperCase":      {text: none(stringUpper)},
	"toLowerCase":      {text: none(stringLower)},
	"trim":             {text: none(stringTrim)},
	"strip":            {text: none(stringStrip)},
	"repeat":           {text: one(stringRepeat)},
	"replace":          {text: two(stringReplace)},
	"replaceAll":       {text: two(stringReplaceAll)},
	"replaceFirst":     {text: two(stringReplaceFirst)},
	"matches":          {text: one(stringMatches)},
	"split":            {text: oneOrTwo(stringSplit)},
	"join":             {text: two(stringJoin)},
	"format":           {text: arity{1: stringFormat, 2: stringFormat, 3: stringFormat}},
	"valueOf":          {text: one(stringValueOf), number: one(numberParse), truth: one(boolParse)},

	// java.util.List, Set, Map
	"size":          {list: none(listSize), dict: none(mapSize)},
	"get":           {list: one(listGet), dict: one(mapGet)},
	"add":           {list: oneOrTwo(listAdd)},
	"addAll":        {list: one(listAddAll)},
	"set":           {list: two(listSet)},
	"remove":        {list: one(listRemove), dict: one(mapRemove)},
	"clear":         {list: none(listClear), dict: none(mapClear)},
	"subList":       {list: two(listSubList)},
	"containsAll":   {list: one(listContainsAll)},
	"put":           {dict: two(mapPut)},
	"putAll":        {dict: one(mapPutAll)},
	"putIfAbsent":   {dict: two(mapPutIfAbsent)},
	"getOrDefault":  {dict: two(mapGetOrDefault)},
	"containsKey":   {dict: one(mapContainsKey)},
	"containsValue": {dict: one(mapContainsValue)},
	"keySet":        {dict: none(mapKeySet)},
	"values":        {dict: none(mapValues)},
	"entrySet":      {dict: none(mapEntrySet)},
	"getKey":        {entry: none(entryKey)},
	"getValue":      {entry: none(entryValue)},
	"setValue":      {entry: one(entrySetValue)},
	"toJSONString":  {list: none(listToJSON)},

	// java.lang.Integer, Long, Double, Boolean
	"intValue":       {number: none(numberInt)},
	"longValue":      {number: none(numberLong)},
	"doubleValue":    {number: none(numberDouble)},
	"floatValue":     {number: none(numberDouble)},
	"shortValue":     {number: none(numberInt)},
	"booleanValue":   {truth: none(anySelf)},
	"parseInt":       {number: one(numberParse)},
	"parseLong":      {number: one(numberParse)},
	"parseDouble":    {number: one(numberParseDouble)},
	"parseBoolean":   {truth: one(boolParse)},
	"isNaN":          {number: none(numberIsNaN)},
	"toBinaryString": {number: one(numberBinary)},
	"toHexString":    {number: one(numberHex)},

	// $foreach
	"hasNext":    {entry: none(loopMember)},
	"getHasNext": {entry: none(loopMember)},
	"getIndex":   {entry: none(loopMember)},
	"getCount":   {entry: none(loopMember)},
	"isFirst":    {entry: none(loopMember)},
	"getFirst":   {entry: none(loopMember)},
	"isLast":     {entry: none(loopMember)},
	"getLast":    {entry: none(loopMember)},
	"getParent":  {entry: none(loopMember)},

	// $input and $util
	"json":             {input: one(inputJSON), write: writeJSON},
	"path":             {input: one(inputPath)},
	"params":           {input: noneOrOne(inputParams)},
	"getBody":          {input: none(inputBody)},
	"escapeJavaScript": {util: one(written(writeEscaped)), write: writeEscaped},
	"urlEncode":        {util: one(written(writeURLEncoded)), write: writeURLEncoded},
	"urlDecode":        {util: one(utilURLDecode)},
	"base64Encode":     {util: one(written(writeBase64)), write: writeBase64},
	"base64Decode":     {util: one(utilBase64Decode)},
	"parseJson":        {util: one(utilParseJSON)},
}
