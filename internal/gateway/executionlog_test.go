package gateway_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway"
)

// TestExecutionLogWhole: what is delivered has up to 1 MB of a line, its log group
// 1,024 bytes, whether anything is delivered or not.
func TestExecutionLogWhole(t *testing.T) {
	const cut = " [TRUNCATED]"
	body := strings.Repeat("é", 3000)
	huge := strings.Repeat("x", 2<<20)
	for _, whole := range []bool{false, true} {
		l := gateway.NewExecutionLog(gateway.LogInfo, true)
		l.Reset(whole)
		l.Add("short")
		l.AddBody("body", []byte(body))
		l.AddBody("body", []byte(huge))
		var texts, delivered []string
		l.Each("id", func(_ time.Time, text, all []byte) {
			texts, delivered = append(texts, string(text)), append(delivered, string(all))
		})
		short := "(id) body: " + strings.Repeat("é", (1024-len("body: "))/2) + cut
		want := []string{"(id) short", short, "(id) " + ("body: " + huge)[:1024] + cut}
		for i := range want {
			if texts[i] != want[i] {
				t.Errorf("whole %v: the group's line %d has %d bytes, want %d", whole, i, len(texts[i]), len(want[i]))
			}
		}
		if whole {
			want[1], want[2] = "(id) body: "+body, "(id) "+("body: " + huge)[:1<<20-64]+cut
		}
		for i := range want {
			if delivered[i] != want[i] {
				t.Errorf("whole %v: the delivered line %d has %d bytes, want %d", whole, i, len(delivered[i]), len(want[i]))
			}
		}
	}
}
