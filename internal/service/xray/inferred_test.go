package xray

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInferred: who was called and has told nothing has a segment after what his
// caller tells; who has told something has none.
//
// AWS: "Getting data from X-Ray", the segments of tables.
func TestInferred(t *testing.T) {
	shop := shopTrace()
	list, err := shop.inferred()
	if err != nil {
		t.Fatal(err)
	}
	const trace = `"trace_id":"1-581cf771-a006649127e371903a2de979"`
	want := []string{
		`{"id":"ID","name":"DynamoDB",` + trace + `,"start_time":100.25,"end_time":100.3,"parent_id":"c1","inferred":true,"aws":{"table_name":"Pets"},"origin":"AWS::DynamoDB::Table"}`,
		`{"id":"ID","name":"stock.example.com",` + trace + `,"start_time":100.3,"end_time":101,"parent_id":"c2","http":{"response":{"status":503}},"fault":true,"inferred":true,"origin":"remote"}`,
	}
	var got []string
	id := regexp.MustCompile(`"id":"[0-9a-f]{16}"`)
	for i := range list {
		if m := id.FindString(*list[i].Document); m != `"id":"`+*list[i].Id+`"` {
			t.Errorf("the document of %s has %s", *list[i].Id, m)
		}
		got = append(got, id.ReplaceAllString(*list[i].Document, `"id":"ID"`))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := shop.inferred()
	if err != nil || len(again) != len(list) || *again[0].Id != *list[0].Id || *list[0].Id == *list[1].Id {
		t.Errorf("the ids are others the next time, or not their own (%v)", err)
	}
}
