package iam_test

import (
	"context"
	"log/slog"
	"testing"

	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// A record that cannot be read takes access away; it never gives any.
func TestUnreadableRecords(t *testing.T) {
	const prefix = "/" + account + "/-/iam/"
	records := map[string]string{
		"user/ann": `{"Arn":"arn:aws:iam::111122223333:user/ann","UserId":"AIDAANN","UserName":"ann","Groups":["ops"],
			"Attached":["arn:aws:iam::111122223333:policy/p"],"Inline":{"i":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}}`,
		"group/ops": `{"Arn":"arn:aws:iam::111122223333:group/ops","GroupName":"ops"}`,
		"policy/p": `{"Arn":"arn:aws:iam::111122223333:policy/p","PolicyName":"p","Versions":[{"IsDefaultVersion":true,"VersionId":"v1",
			"Document":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}]}`,
		"accesskey/akiaann": `{"AccessKeyId":"AKIAANN","Status":"Active","UserName":"ann","Secret":"s"}`,
	}
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { st.Close() })
	reg := new(identity.Registry)
	f := iam.NewFollower(st, reg, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Run(ctx) // ends with ctx
	}()
	t.Cleanup(func() { cancel(); <-done })
	put := func(key, value string) {
		t.Helper()
		rev, err := st.Commit(ctx, nil, []store.Op{store.Put(prefix+key, []byte(value))})
		if err == nil {
			err = f.Wait(ctx, rev)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	may := func() bool {
		cred, ok := reg.Find("AKIAANN", "")
		return ok && cred.Principal.Decide(&policy.Request{Principal: cred.Principal.Principal, Action: "a:b", Resource: "*"}, nil, false).Allowed
	}
	for key, value := range records {
		put(key, value)
	}
	if !may() {
		t.Fatal("ann has no access though all records are well")
	}
	for key, value := range records {
		put(key, "{")
		if may() {
			t.Errorf("ann has access though %s cannot be read", key)
		}
		put(key, value)
		if !may() {
			t.Errorf("ann has no access though %s is well again", key)
		}
	}
}
