package vtl_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/vtl"
)

// TestLimits renders templates made to explode. Each must end with an error
// of ours, soon.
func TestLimits(t *testing.T) {
	nested := strings.Repeat("#foreach($i in [1..1000])", 5) + "x" + strings.Repeat("#end", 5)
	tests := []struct{ name, template, want string }{
		{"loops", nested, "bytes"},
		{"silent loops", strings.ReplaceAll(nested, "x", "#set($y=1)"), "memory"},
		{"doubling text", `#set($s="xxxxxxxxxx")#foreach($i in [1..100])#set($s="$s$s")#end$s`, "bytes"},
		{"doubling by concat", `#set($s="xxxxxxxxxx")#foreach($i in [1..100])#set($s=$s.concat($s))#end`, "memory"},
		{"doubling by replace", `#set($s="xx")#foreach($i in [1..100])#set($s=$s.replace("x","xx"))#end`, "memory"},
		{"doubling by pattern", `#set($s="xx")#foreach($i in [1..100])#set($s=$s.replaceAll("[x]","$0x"))#end`, "matches"},
		{"doubling by literal pattern", `#set($s="xx")#foreach($i in [1..100])#set($s=$s.replaceAll("x","xx"))#end`, "memory"},
		{"a costly pattern", `#set($s="aaaaaaaa")#set($s=$s.repeat(500000))$s.matches("((a?){500}){2}b")`, "steps"},
		{"repeat", `#set($s="xx")$s.repeat(2000000000)`, "memory"},
		{"doubling lists", `#set($l=[1])#foreach($i in [1..100])#set($v=$l.addAll($l))#end`, "memory"},
		{"doubling values", `#set($m={"a":1})#foreach($i in [1..100])#set($m={"a":$m,"b":$m})#end$m`, "bytes"},
		{"comparing doubled values", `#set($m={"a":1})#set($n={"a":1})#foreach($i in [1..100])#set($m={"a":$m,"b":$m})#set($n={"a":$n,"b":$n})#end#if($m==$n)#end`, ""},
		{"cycle through a list", `#set($m={})#set($l=[$m])#set($m.l=$l)$m`, "nested"},
		{"cycle through maps", `#set($m={})#set($n={"m":$m})#set($m.n=$n)$m`, "nested"},
		{"equal cycles", `#set($m={})#set($n={})#set($m.x=[$m])#set($n.x=[$n])#if($m==$n)#end`, "nested"},
		{"cycle in an override", `#set($context.requestOverride.header.x=$context.requestOverride)`, "nested"},
		{"macro calling itself", `#macro(m)#m()#m()#end#m()`, "Macros"},
		{"huge range", `#foreach($i in [1..2000000000])#end`, "large"},
		{"huge numbers", `#set($n=9223372036854775807)#foreach($i in [1..1000])#set($n=$n*$n)#end`, "digits"},
		{"many regexps", `#set($s="a")#foreach($i in [1..1000])#foreach($j in [1..1000])#set($p="(a{1,500}){1,2}$i$j")$s.matches($p)#end#end`, ""},
		{"deep scans", `#foreach($i in [1..1000])#foreach($i in [1..1000])#set($v=$input.path('$..*..*..*'))#end#end`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tpl, err := vtl.Compile(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			env := goldenEnv(benchBody)
			start := processorTime(t)
			env.Deadline = time.Now().Add(3 * time.Second)
			if tt.want != "" {
				env.Deadline = time.Now().Add(time.Hour) // it ends by itself
			}
			_, err = tpl.Append(nil, env)
			var failed *vtl.RenderError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want a RenderError about %q", err, tt.want)
			}
			if d := processorTime(t) - start; d > 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// processorTime is what this process has used: on a busy machine time itself says
// nothing.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestNesting refuses sources and payloads that nest without end.
func TestNesting(t *testing.T) {
	for _, part := range [][2]string{
		{"#if(true)", "#end"}, {"#foreach($x in $y)", "#end"}, {"#set($x=" + strings.Repeat("(", 500), ")"},
		{"#set($x=" + strings.Repeat("[", 500), "]"}, {"#set($x=" + strings.Repeat("!", 500), "1)"}, {"$a.b(", ")"}, {"$a[", "]"},
		{`#set($x={"a":`, "})"}, {"#macro(m)", "#end"}, {"#define($d)", "#end"},
	} {
		text := strings.Repeat(part[0], 500) + strings.Repeat(part[1], 500)
		if _, err := vtl.Compile(text); err == nil {
			t.Errorf("template of 500 × %.20q compiles", part[0])
		}
	}
	tpl, err := vtl.Compile("$input.json('$')")
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), "[" + strings.Repeat("1,", 2_000_000) + "]"} {
		var payload *vtl.PayloadError
		if _, err := tpl.Append(nil, &vtl.Env{Body: body}); !errors.As(err, &payload) {
			t.Errorf("body %.10q… of %d bytes: error = %v, want a PayloadError", body, len(body), err)
		}
	}
}

func TestSyntaxErrorPlace(t *testing.T) {
	tests := []struct {
		template     string
		line, column int
	}{
		{"a\nb #if($x", 2, 9},
		{"#end", 1, 5},
		{"x\n\n#foreach($i in $l)\nbody", 3, 1},
		{"#set($s = \"a\n$x.y(\")", 2, 6},
		{strings.Repeat("x", 300<<10+1), 1, 1},
	}
	for _, tt := range tests {
		_, err := vtl.Compile(tt.template)
		var syntax *vtl.SyntaxError
		if !errors.As(err, &syntax) || syntax.Line != tt.line || syntax.Column != tt.column {
			t.Errorf("Compile(%.30q) = %v, want an error at line %d, column %d", tt.template, err, tt.line, tt.column)
		}
	}
}

// TestOverrides hands what one template sets to the next, and to the gateway.
func TestOverrides(t *testing.T) {
	env := goldenEnv(`{"a": {"b": ["x"]}}`)
	for _, text := range []string{
		`#set($context.requestOverride.header.x = "1")#set($context.requestOverride.mine = $input.path('$.a'))#set($context.responseOverride.status = 404)`,
		`$context.requestOverride.header.x $context.requestOverride.mine $context.responseOverride.status`,
	} {
		tpl, err := vtl.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		out, err := tpl.Append([]byte("> "), env)
		if err != nil {
			t.Fatal(err)
		}
		// Other renderings use the same memory again.
		for range 10 {
			if got := answer("$input.json('$')", `["other", {"z": 1}]`); got != `["other",{"z":1}]` {
				t.Fatalf("other rendering = %s", got)
			}
		}
		env.Body = ""
		t.Logf("%s", out)
		if strings.HasPrefix(text, "$") && string(out) != `> 1 {b=["x"]} 404` {
			t.Errorf("second template = %q", out)
		}
	}
	if n, ok := env.Overrides.Response.Get("status").Int(); !ok || n != 404 {
		t.Errorf("status = %d, %v, want 404", n, ok)
	}
	var headers []string
	env.Overrides.Request.Get("header").Each(func(name string, v vtl.Value) bool {
		headers = append(headers, name+"="+v.Text())
		return true
	})
	if got := fmt.Sprint(headers); got != "[x=1]" {
		t.Errorf("headers = %s, want [x=1]", got)
	}
}

// TestPathRead reads members of bodies as parameter mappings do.
func TestPathRead(t *testing.T) {
	tests := []struct{ path, body, want string }{
		{"$.a", `{"a": "x"}`, "x"},
		{"$.a", `{"a": {"b": [1, "c"]}}`, `{"b":[1,"c"]}`},
		{"$.a", `{}`, "!none"},
		{"$.a", `{"a": null}`, "!none"},
		{"$.a", `{"a"`, "!error"},
		{"$..b", `{"a": {"b": 1}}`, "[1]"},
		{"$", "text", "text"},
	}
	for _, tt := range tests {
		p, err := vtl.CompilePath(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		out, found, err := p.Read([]byte("="), tt.body)
		got := strings.TrimPrefix(string(out), "=")
		switch {
		case err != nil:
			got = "!error"
		case !found:
			got = "!none"
		}
		if got != tt.want {
			t.Errorf("Read(%s, %s) = %s, want %s", tt.path, tt.body, got, tt.want)
		}
	}
}

// TestConcurrent renders one template in many goroutines with payloads of
// their own: nothing of one may show in another.
func TestConcurrent(t *testing.T) {
	tpl, err := vtl.Compile(`#set($context.requestOverride.header.id = $input.path('$.id'))#foreach($x in $input.path('$.list'))$x$input.json('$.id')#end`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				id := fmt.Sprintf("%d-%d", g, i)
				env := goldenEnv(fmt.Sprintf(`{"id": %q, "list": ["a", {"b": %q}]}`, id, id))
				out, err := tpl.Append(nil, env)
				want := fmt.Sprintf(`a"%s"{b=%s}"%s"`, id, id, id)
				if err != nil || string(out) != want {
					t.Errorf("got %q (%v), want %q", out, err, want)
				}
				if got := env.Overrides.Request.Get("header").Get("id").Text(); got != id {
					t.Errorf("override = %q, want %q", got, id)
				}
			}
		})
	}
	wg.Wait()
}
