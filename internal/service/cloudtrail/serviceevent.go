package cloudtrail

import (
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
)

// A ServiceEvent is a change that the server makes by itself, without a call.
//
// AWS: "CloudTrail record contents", eventType AwsServiceEvent.
type ServiceEvent struct {
	Account, Region string
	Service         string // its signing name
	Name            string
	Details         map[string]any // what is changed, and why
}

// Happens records a change before it is made; an error says why it should not be.
// Who makes it calls done with what came of it.
func (s *Service) Happens(se *ServiceEvent) (done func(err error), err error) {
	now, by := time.Now().UTC(), se.Service+".amazonaws.com"
	e := event{
		Version: eventVersion, Identity: userIdentity{AccountID: se.Account, InvokedBy: by}, Time: now.Format(time.RFC3339), at: now,
		Source: by, Name: se.Name, Region: se.Region, SourceIP: by, UserAgent: by, Details: se.Details,
		ID: record.NewUUID(), Type: "AwsServiceEvent", Management: true, Category: categoryManagement, Recipient: se.Account,
	}
	if err := s.keep.begin(&e); err != nil {
		return nil, err
	}
	return func(err error) {
		if err != nil {
			e.ErrorCode, e.ErrorMessage = failure(&awsrpc.Outcome{Err: err})
		}
		s.keep.end(&e)
	}, nil
}
