package record

import (
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/limit"
)

// An APIKey is a key that clients send. Its value is a secret: it stands in
// the record, and leaves only through calls that ask for it.
type APIKey struct {
	api.ApiKey
	Scope
	Created time.Time // as CreatedDate, but exact: gives the order
}

// A ServedKey is what the data plane reads of the record of an APIKey: there may
// be a million to read before anything is served.
type ServedKey struct {
	Value   *string `json:"value"`
	Enabled *bool   `json:"enabled"`
}

// An APIKeyValue reserves the value of a key, so that no two keys have the
// same. Its id is the SHA-256 of the value in hexadecimal.
type APIKeyValue struct {
	APIKey string // the id of the key
}

// A UsagePlan says which stages its keys may call, and how often.
type UsagePlan struct {
	api.UsagePlan
	Scope
}

// QuotaSetting returns the plan's quota, if it has one.
func (p *UsagePlan) QuotaSetting() (limit.QuotaSetting, bool) {
	q := p.Quota
	if q == nil || q.Limit == nil || q.Period == nil {
		return limit.QuotaSetting{}, false
	}
	s := limit.QuotaSetting{Limit: int64(*q.Limit)}
	if q.Offset != nil {
		s.Offset = int(*q.Offset)
	}
	switch *q.Period {
	case api.QuotaPeriodTypeWeek:
		s.Period = limit.Weekly
	case api.QuotaPeriodTypeMonth:
		s.Period = limit.Monthly
	}
	return s, true
}

// A UsagePlanKey is the membership of a key in a plan. Name and value are the
// key's and are not repeated here.
type UsagePlanKey struct {
	UsagePlan, APIKey string // ids
	Type              string // always "API_KEY"
	Scope
	Created time.Time // gives the order
}
