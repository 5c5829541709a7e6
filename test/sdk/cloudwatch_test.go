package sdk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// TestCloudWatch puts and reads metrics and alarms with the Go SDK, which speaks
// CBOR and compresses what is large.
func TestCloudWatch(t *testing.T) {
	s := start(t)
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	client := cloudwatch.New(cloudwatch.Options{
		Region: region, BaseEndpoint: aws.String(s.Endpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""),
	})
	at := time.Now().Add(-time.Hour).Truncate(time.Minute)
	var data []types.MetricDatum
	for i := range 1000 { // far over the 10 KiB from which on they are compressed
		data = append(data, types.MetricDatum{MetricName: aws.String("Orders"), Value: aws.Float64(float64(i)), Unit: types.StandardUnitCount, Timestamp: &at,
			Dimensions: []types.Dimension{{Name: aws.String("Shop"), Value: aws.String(fmt.Sprintf("shop-%d", i%3))}}})
	}
	if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: data}); err != nil {
		t.Fatal(err)
	}
	dims := []types.Dimension{{Name: aws.String("Shop"), Value: aws.String("shop-1")}}
	stats, err := client.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{Namespace: aws.String("Shop"), MetricName: aws.String("Orders"), Dimensions: dims,
		StartTime: aws.Time(at), EndTime: aws.Time(at.Add(time.Minute)), Period: aws.Int32(60), Statistics: []types.Statistic{types.StatisticSum, types.StatisticMaximum}, ExtendedStatistics: []string{"p50"}})
	if err != nil || len(stats.Datapoints) != 1 {
		t.Fatal(stats, err)
	}
	if d := stats.Datapoints[0]; *d.Sum != 166167 || *d.Maximum != 997 || d.ExtendedStatistics["p50"] < 450 || d.ExtendedStatistics["p50"] > 550 || !d.Timestamp.Equal(at) || d.Unit != types.StandardUnitCount {
		t.Errorf("datapoint %+v", d)
	}
	list := cloudwatch.NewListMetricsPaginator(client, &cloudwatch.ListMetricsInput{Namespace: aws.String("Shop")})
	n := 0
	for list.HasMorePages() {
		page, err := list.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Metrics)
	}
	if n != 3 {
		t.Errorf("%d metrics, want 3", n)
	}
	alarm := &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("many"), Namespace: aws.String("Shop"), MetricName: aws.String("Orders"), Dimensions: dims,
		Statistic: types.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1.5), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold}
	if _, err := client.PutMetricAlarm(t.Context(), alarm); err != nil {
		t.Fatal(err)
	}
	out, err := client.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String("ma")})
	if err != nil || len(out.MetricAlarms) != 1 || *out.MetricAlarms[0].Threshold != 1.5 || out.MetricAlarms[0].StateValue != types.StateValueInsufficientData {
		t.Errorf("%+v, %v", out, err)
	}
	_, err = client.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("none"), StateValue: types.StateValueOk, StateReason: aws.String("r")})
	if missing := new(types.ResourceNotFound); !errors.As(err, &missing) {
		t.Errorf("an alarm that is not there: %v", err)
	}
	_, err = client.PutDashboard(t.Context(), &cloudwatch.PutDashboardInput{DashboardName: aws.String("d"), DashboardBody: aws.String("{}")})
	if err == nil {
		t.Error("a dashboard was put")
	}
}

// TestPythonCloudWatch runs boto3_cloudwatch.py with boto3.
func TestPythonCloudWatch(t *testing.T) {
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		t.Skipf("%s has no boto3: install Debian's python3-boto3 (make test does so as root)", python)
	}
	s := start(t)
	facts, err := json.Marshal(map[string]string{"endpoint": s.Endpoint(), "region": region})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "boto3_cloudwatch.py", string(facts))
	cmd.Env = append(cmd.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"), "AWS_EC2_METADATA_DISABLED=true")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("boto3: %v\n%s", err, out)
	}
}
