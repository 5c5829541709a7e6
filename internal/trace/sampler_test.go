package trace_test

import (
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/trace"
	"gatehouse/internal/wire"
)

// rule returns a rule that fits all, changed.
func rule(name string, priority int, change func(r *trace.Rule)) trace.Rule {
	r := trace.Default()
	r.Name, r.Priority, r.Reservoir, r.Rate = name, priority, 0, 1
	if change != nil {
		change(&r)
	}
	return r
}

func TestChoosePriority(t *testing.T) {
	header := new(wire.Header)
	header.Add("X-Tenant", "gold-7")
	tests := []struct {
		name string
		rule func(r *trace.Rule)
		fits bool
	}{
		{"all", func(*trace.Rule) {}, true},
		{"service", func(r *trace.Rule) { r.Service = "shop/*" }, true},
		{"other service", func(r *trace.Rule) { r.Service = "shop" }, false},
		{"type", func(r *trace.Rule) { r.Type = "AWS::ApiGateway::Stage" }, true},
		{"other type", func(r *trace.Rule) { r.Type = "AWS::EC2::Instance" }, false},
		{"resource", func(r *trace.Rule) { r.Resource = "arn:aws:apigateway:*:/restapis/a1/stages/*" }, true},
		{"other resource", func(r *trace.Rule) { r.Resource = "arn:*b1*" }, false},
		{"method", func(r *trace.Rule) { r.Method = "get" }, true},
		{"other method", func(r *trace.Rule) { r.Method = "POST" }, false},
		{"host", func(r *trace.Rule) { r.Host = "*.example.com" }, true},
		{"other host", func(r *trace.Rule) { r.Host = "example.com" }, false},
		{"path", func(r *trace.Rule) { r.Path = "/prod/pets/?" }, true},
		{"other path", func(r *trace.Rule) { r.Path = "/prod/pets/??" }, false},
		{"attribute", func(r *trace.Rule) { r.Attributes = map[string]string{"x-tenant": "gold*"} }, true},
		{"other attribute", func(r *trace.Rule) { r.Attributes = map[string]string{"x-tenant": "gold*", "x-more": "?*"} }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := trace.NewSampler(rule("last", 20, nil), rule("mine", 10, tt.rule), rule("later", 11, func(r *trace.Rule) { r.Rate = 0 }))
			c := s.Chooser("shop/prod", "AWS::ApiGateway::Stage", "arn:aws:apigateway:eu-west-1::/restapis/a1/stages/prod")
			name, chosen := c.Choose(&trace.Subject{Host: "www.example.com", Method: "GET", Path: "/prod/pets/7", Header: header, Now: time.Now(), Draw: 0.5})
			want := "later"
			if tt.fits {
				want = "mine"
			}
			if name != want || chosen != tt.fits {
				t.Errorf("chosen by %s: %v; want %s: %v", name, chosen, want, tt.fits)
			}
		})
	}
}

// AWS: the reservoir is taken from first, and of the rest the fixed rate.
func TestChooseReservoirThenRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := trace.NewSampler(rule("r", 1, func(r *trace.Rule) { r.Reservoir, r.Rate = 3, 0.25 }))
		c := s.Chooser("a", "b", "c")
		for second := range 3 {
			chosen := 0
			for i := range 103 {
				if _, ok := c.Choose(&trace.Subject{Now: time.Now(), Draw: float64(i) / 103}); ok {
					chosen++
				}
			}
			// The first 3, and of the draws those below 0.25: 0 to 25, of which 3 are gone.
			if chosen != 26 {
				t.Errorf("second %d: %d are chosen, want 26", second, chosen)
			}
			time.Sleep(time.Second)
		}
		if got, want := s.Counts()["r"], (trace.Count{Matched: 309, Sampled: 78}); got != want {
			t.Errorf("counts are %+v, want %+v", got, want)
		}
	})
}

// A change of rules acts at once, and what was taken from a reservoir stays taken.
func TestSetAndLend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		with := func(reservoir int) trace.Rule {
			return rule("r", 1, func(r *trace.Rule) { r.Reservoir, r.Rate = reservoir, 0 })
		}
		s := trace.NewSampler(with(2))
		c := s.Chooser("a", "b", "c")
		take := func() (n int) {
			for range 10 {
				if _, ok := c.Choose(&trace.Subject{Now: time.Now(), Draw: 0.5}); ok {
					n++
				}
			}
			return n
		}
		if n := take(); n != 2 {
			t.Errorf("%d are chosen, want 2", n)
		}
		s.Set([]trace.Rule{with(2), rule("other", 2, nil)})
		if n := take(); n != 0 {
			t.Errorf("after a change of another rule %d are chosen, want 0", n)
		}
		time.Sleep(time.Second)
		s.Lend("r", 1)
		if n := take(); n != 1 {
			t.Errorf("with half of the reservoir lent %d are chosen, want 1", n)
		}
		s.Set(nil)
		if name, _ := c.Choose(&trace.Subject{Now: time.Now(), Draw: 0.5}); name != trace.DefaultRule {
			t.Errorf("without rules %q decides, want %q", name, trace.DefaultRule)
		}
	})
}

func TestChooseAllocatesNothing(t *testing.T) {
	header := new(wire.Header)
	header.Add("X-Tenant", "gold")
	s := trace.NewSampler(rule("r", 1, func(r *trace.Rule) { r.Rate, r.Attributes = 0, map[string]string{"x-tenant": "g*d"} }))
	c := s.Chooser("a", "b", "c")
	q := &trace.Subject{Host: "h", Method: "GET", Path: "/p", Header: header, Now: time.Now(), Draw: 0.5}
	if n := testing.AllocsPerRun(1000, func() {
		if _, ok := c.Choose(q); ok {
			t.Error("chosen")
		}
	}); n != 0 {
		t.Errorf("Choose allocates %v times, budget 0", n)
	}
}
