package vtl_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	oracleCases = flag.Int("oracle", 0, "compare so many random templates with the oracle")
	oracleSeed  = flag.Uint64("oracleseed", 1, "seed of the random templates")
)

// TestOracle renders random templates here and with Velocity itself. Those
// with a lone $ or # before odd things, a few in a thousand, may differ.
func TestOracle(t *testing.T) {
	if *oracleCases == 0 {
		t.Skip("needs Java: run with -oracle 2000")
	}
	g := &generator{rand.New(rand.NewPCG(*oracleSeed, 0))}
	cases := make([]golden, *oracleCases)
	for i := range cases {
		cases[i] = golden{template: "#set($x=1)#set($s=\"str\")#set($m={\"a\":1,\"b\":\"B\"})#set($l=[1,2,3])" + g.block(3), body: benchBody}
	}
	refused, syntax, differ := 0, 0, 0
	for i, want := range askOracle(t, cases) {
		got := answer(cases[i].template, cases[i].body)
		switch {
		case want == "!syntax":
			syntax++
		case got == "!syntax":
			refused++
			t.Logf("refused: %q\nVelocity: %q", cases[i].template, want)
			continue
		}
		if got != want {
			differ++
			t.Logf("template: %q\ngot:  %q\nwant: %q", cases[i].template, got, want)
		}
	}
	if differ*50 > len(cases) {
		t.Errorf("%d of %d templates render differently", differ, len(cases))
	}
	t.Logf("%d templates, %d of them no templates to Velocity, %d refused by us alone, %d rendered differently", len(cases), syntax, refused, differ)
}

// A generator makes templates that are mostly in order.
type generator struct{ *rand.Rand }

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) block(depth int) string {
	var b strings.Builder
	for range g.IntN(5) + 1 {
		b.WriteString(g.part(depth))
	}
	return b.String()
}

func (g *generator) part(depth int) string {
	if depth > 0 && g.IntN(3) == 0 {
		return g.directive(depth - 1)
	}
	switch g.IntN(6) {
	case 0:
		return g.pick(" ", "\n", "  ", "\t", " \n", "\r\n", "text", "a b", "{", "}", "\"", "'", ",", ".", "!", "-", "(", ")", "[", "]", ":", "=")
	case 1:
		return g.pick("\\", "\\\\", "\\$x", "\\\\$x", "\\#if", "\\#foo", "\\\\#foo", "$", "$$", "$!", "#", "# ", "$5", "#5", "$.", "${", "#{", "$!{", "\\$u", "#x", "##c\n", "#* c *#", "#[[$x]]#", "#@")
	case 2, 3:
		return g.reference()
	case 4:
		return fmt.Sprintf("%s#set($%s%s=%s%s)%s", g.pick("", " ", "\t", "\n "), g.pick("x", "y", "s", "m.a", "m.c", "l[0]", "u.a"), g.pick("", " "), g.pick("", " "), g.expression(2), g.pick("", " ", "\n", " \n"))
	default:
		return g.pick("#break", "#foo($x)", "#foo", "#foo()", "#mac($x)", "#mac(\"q\")", "#mac()", "#end2", "#ifx", "#set", "#stopx") + g.pick("", " ", "\n")
	}
}

func (g *generator) reference() string {
	ref := g.pick("x", "s", "m", "l", "u", "i", "m.a", "m.zz", "l.size()", "s.length()", "m.get(\"b\")", "l[1]", "l.get(0)", "s.substring(1)", "u.a.b", "x.y", "m.keySet()",
		"s.replace(\"t\",\"T\")", "m[\"a\"]", "l.contains(2)", "foreach.count", "foreach.hasNext", "velocityCount", "x.toString()", "d", "input.path('$.user.name')")
	if g.IntN(4) == 0 {
		return g.pick("${", "$!{") + ref + "}"
	}
	return g.pick("$", "$", "$!") + ref + g.pick("", "", " ", "\n", ".", "x", "-", "!", "[", "(", "   #set($y=2)", "#", "$x")
}

func (g *generator) expression(depth int) string {
	if depth == 0 || g.IntN(2) == 0 {
		return g.pick("1", "2", "-3", "1.5", "\"a\"", "'b'", "\"$x!\"", "true", "false", "$x", "$u", "$m.a", "$l", "[1,$x]", "{\"k\":$x}", "[1..3]", "\"\"", "$s", "$l.size()", "''", "\"#if($x)q#end\"", "10", "0", "null", "$x.y")
	}
	switch g.IntN(6) {
	case 0:
		return g.pick("!", "! ", "not ") + g.expression(depth-1)
	case 1:
		return "(" + g.pick("", " ") + g.expression(depth-1) + g.pick("", " ") + ")"
	}
	space := g.pick(" ", " ", " ", "")
	return g.expression(depth-1) + space + g.pick("+", "-", "*", "/", "%", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "and", "or", "eq", "lt") + space + g.expression(depth-1)
}

func (g *generator) directive(depth int) string {
	tail := g.pick("", " ", "\n", " \n")
	body := g.block(depth)
	switch g.IntN(6) {
	case 0:
		return "#if(" + g.expression(2) + ")" + tail + body + g.pick("#end", "#{end}") + tail
	case 1:
		return "#if(" + g.expression(1) + ")" + body + g.pick("#else", "#{else}") + tail + g.block(depth) + "#end"
	case 2:
		return "#if(" + g.expression(1) + ")" + body + "#elseif(" + g.expression(1) + ")" + tail + g.block(depth) + "#else" + g.pick("\n", " ") + "#end"
	case 3:
		return "#foreach($" + g.pick("i", "x") + " in " + g.pick("$l", "$m", "[1..2]", "$u", "[1,\"q\"]", "$m.keySet()", "$s") + ")" + tail + body + "#end" + tail
	case 4:
		return "#macro(" + g.pick("mac", "foo") + g.pick("", " $a", " $x") + ")" + tail + body + "$a#end" + tail
	}
	return "#define($d)" + tail + strings.ReplaceAll(body, "$d", "$q") + "#end"
}
