package sam

// here stands before the names of what is in the Region and account of the stack.
const here = "${AWS::Region}:${AWS::AccountId}:"

// one is a policy template of one statement.
func one(parameters, service, actions string, resources ...string) policyTemplate {
	return policyTemplate{parameters, []grant{
		{service: service, actions: actions, resources: resources}}}
}

// policyTemplates are those of SAM's policy templates that this gateway's functions
// have a use for, by name.
//
// AWS: SAM, "Policy template list".
func policyTemplates() map[string]policyTemplate {
	table := []string{"dynamodb:" + here + "table/{TableName}", "dynamodb:" + here + "table/{TableName}/index/*"}
	bucket := []string{"s3:::{BucketName}", "s3:::{BucketName}/*"}
	queue, topic, stream := "sqs:"+here+"{QueueName}", "sns:"+here+"{TopicName}", "kinesis:"+here+"stream/{StreamName}"
	return map[string]policyTemplate{
		"AWSSecretsManagerGetSecretValuePolicy": one("SecretArn", "secretsmanager", "GetSecretValue", "{SecretArn}"),
		"CloudFormationDescribeStacksPolicy":    one("", "cloudformation", "DescribeStacks", "cloudformation:"+here+"stack/*"),
		"CloudWatchDescribeAlarmHistoryPolicy":  one("", "cloudwatch", "DescribeAlarmHistory", "*"),
		"CloudWatchPutMetricPolicy":             one("", "cloudwatch", "PutMetricData", "*"),
		"DynamoDBCrudPolicy": one("TableName", "dynamodb", "GetItem DeleteItem PutItem Scan Query UpdateItem BatchWriteItem BatchGetItem DescribeTable ConditionCheckItem",
			table...),
		"DynamoDBReadPolicy":         one("TableName", "dynamodb", "GetItem Scan Query BatchGetItem DescribeTable", table...),
		"DynamoDBReconfigurePolicy":  one("TableName", "dynamodb", "UpdateTable", table[0]),
		"DynamoDBWritePolicy":        one("TableName", "dynamodb", "PutItem UpdateItem BatchWriteItem", table...),
		"EC2DescribePolicy":          one("", "ec2", "DescribeRegions DescribeInstances", "*"),
		"EventBridgePutEventsPolicy": one("EventBusName", "events", "PutEvents", "events:"+here+"event-bus/{EventBusName}"),
		"FilterLogEventsPolicy":      one("LogGroupName", "logs", "FilterLogEvents", "logs:"+here+"log-group:{LogGroupName}:log-stream:*"),
		"KMSDecryptPolicy":           one("KeyId", "kms", "Decrypt", "kms:"+here+"key/{KeyId}"),
		"KMSEncryptPolicy":           one("KeyId", "kms", "Encrypt", "kms:"+here+"key/{KeyId}"),
		"KinesisStreamReadPolicy": {"StreamName", []grant{
			{service: "kinesis", actions: "ListStreams DescribeLimits", resources: []string{"kinesis:" + here + "stream/*"}},
			{service: "kinesis", actions: "DescribeStream DescribeStreamSummary GetRecords GetShardIterator", resources: []string{stream}},
		}},
		"LambdaInvokePolicy": one("FunctionName", "lambda", "InvokeFunction", "lambda:"+here+"function:{FunctionName}*"),
		"S3CrudPolicy":       one("BucketName", "s3", "GetObject ListBucket GetBucketLocation GetObjectVersion PutObject PutObjectAcl GetLifecycleConfiguration PutLifecycleConfiguration DeleteObject", bucket...),
		"S3FullAccessPolicy": {"BucketName", []grant{
			{service: "s3", actions: "GetObject GetObjectAcl GetObjectVersion PutObject PutObjectAcl DeleteObject DeleteObjectTagging " +
				"DeleteObjectVersionTagging GetObjectTagging GetObjectVersionTagging PutObjectTagging PutObjectVersionTagging", resources: bucket[1:]}, {service: "s3", actions: "ListBucket GetBucketLocation GetLifecycleConfiguration PutLifecycleConfiguration", resources: bucket[:1]}}},
		"S3ReadPolicy":            one("BucketName", "s3", "GetObject ListBucket GetBucketLocation GetObjectVersion GetLifecycleConfiguration", bucket...),
		"S3WritePolicy":           one("BucketName", "s3", "PutObject PutObjectAcl PutLifecycleConfiguration", bucket...),
		"SESSendBouncePolicy":     one("IdentityName", "ses", "SendBounce", "ses:"+here+"identity/{IdentityName}"),
		"SNSPublishMessagePolicy": one("TopicName", "sns", "Publish", topic),
		"SQSPollerPolicy":         one("QueueName", "sqs", "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch GetQueueAttributes ReceiveMessage", queue),
		"SQSSendMessagePolicy":    one("QueueName", "sqs", "SendMessage*", queue),
		"SSMParameterReadPolicy": {"ParameterName", []grant{
			{service: "ssm", actions: "DescribeParameters", resources: []string{"*"}},
			{service: "ssm", actions: "GetParameters GetParameter GetParametersByPath", resources: []string{"ssm:" + here + "parameter/{ParameterName}"}},
		}},
		"StepFunctionsExecutionPolicy": one("StateMachineName", "states", "StartExecution", "states:"+here+"stateMachine:{StateMachineName}"),
		"VPCAccessPolicy":              one("", "ec2", "CreateNetworkInterface DeleteNetworkInterface DescribeNetworkInterfaces DetachNetworkInterface", "*"),
	}
}

// morePolicyTemplates are the others, most of them for services that are at AWS alone:
// here they are policies like any other, which allow what nobody does.
//
// AWS: SAM, "Policy template list".
func morePolicyTemplates() map[string]policyTemplate {
	return map[string]policyTemplate{
		"AMIDescribePolicy": one("", "ec2", "DescribeImages", "*"),
		"AWSSecretsManagerRotationPolicy": {"FunctionName", []grant{
			{service: "secretsmanager", actions: "DescribeSecret GetSecretValue PutSecretValue UpdateSecretVersionStage", resources: []string{"secretsmanager:" + here + "secret:*"}, key: "secretsmanager:resource/AllowRotationLambdaArn", equals: "lambda:" + here + "function:{FunctionName}"},
			{service: "secretsmanager", actions: "GetRandomPassword", resources: []string{"*"}},
		}},
		"AcmGetCertificatePolicy": one("CertificateArn", "acm", "GetCertificate", "{CertificateArn}"),
		"AthenaQueryPolicy": {"WorkGroupName", []grant{
			{service: "athena", actions: "ListWorkGroups GetExecutionEngine GetExecutionEngines GetNamespace GetCatalogs GetNamespaces GetTables GetTable", resources: []string{"*"}},
			{service: "athena", actions: "StartQueryExecution GetQueryResults DeleteNamedQuery GetNamedQuery ListQueryExecutions StopQueryExecution GetQueryResultsStream ListNamedQueries " +
				"CreateNamedQuery GetQueryExecution BatchGetNamedQuery BatchGetQueryExecution GetWorkGroup", resources: []string{"athena:" + here + "workgroup/{workgroupName=WorkGroupName}"}},
		}},
		"CloudWatchDashboardPolicy": one("", "cloudwatch", "GetDashboard ListDashboards PutDashboard ListMetrics", "*"),
		"CodeCommitCrudPolicy": one("RepositoryName", "codecommit", "GitPull GitPush CreateBranch DeleteBranch GetBranch ListBranches MergeBranchesByFastForward MergeBranchesBySquash MergeBranchesByThreeWay "+
			"UpdateDefaultBranch BatchDescribeMergeConflicts CreateUnreferencedMergeCommit DescribeMergeConflicts GetMergeCommit GetMergeOptions "+
			"BatchGetPullRequests CreatePullRequest DescribePullRequestEvents GetCommentsForPullRequest GetCommitsFromMergeBase GetMergeConflicts GetPullRequest "+
			"ListPullRequests MergePullRequestByFastForward MergePullRequestBySquash MergePullRequestByThreeWay PostCommentForPullRequest "+
			"UpdatePullRequestDescription UpdatePullRequestStatus UpdatePullRequestTitle DeleteFile GetBlob GetFile GetFolder PutFile DeleteCommentContent "+
			"GetComment GetCommentsForComparedCommit PostCommentForComparedCommit PostCommentReply UpdateComment BatchGetCommits CreateCommit GetCommit "+
			"GetCommitHistory GetDifferences GetObjectIdentifier GetReferences GetTree GetRepository UpdateRepositoryDescription ListTagsForResource TagResource "+
			"UntagResource GetRepositoryTriggers PutRepositoryTriggers TestRepositoryTriggers GetBranch GetCommit UploadArchive GetUploadArchiveStatus "+
			"CancelUploadArchive", "codecommit:"+here+"{RepositoryName}"),
		"CodeCommitReadPolicy": one("RepositoryName", "codecommit", "GitPull GetBranch ListBranches BatchDescribeMergeConflicts DescribeMergeConflicts GetMergeCommit GetMergeOptions BatchGetPullRequests "+
			"DescribePullRequestEvents GetCommentsForPullRequest GetCommitsFromMergeBase GetMergeConflicts GetPullRequest ListPullRequests GetBlob GetFile "+
			"GetFolder GetComment GetCommentsForComparedCommit BatchGetCommits GetCommit GetCommitHistory GetDifferences GetObjectIdentifier GetReferences GetTree "+
			"GetRepository ListTagsForResource GetRepositoryTriggers TestRepositoryTriggers GetBranch GetCommit GetUploadArchiveStatus", "codecommit:"+here+"{RepositoryName}"),
		"CodePipelineLambdaExecutionPolicy": one("", "codepipeline", "PutJobSuccessResult PutJobFailureResult", "*"),
		"CodePipelineReadOnlyPolicy":        one("PipelineName", "codepipeline", "ListPipelineExecutions", "codepipeline:"+here+"{pipelinename=PipelineName}"),
		"ComprehendBasicAccessPolicy": one("", "comprehend", "BatchDetectKeyPhrases DetectDominantLanguage DetectEntities BatchDetectEntities DetectKeyPhrases DetectSentiment BatchDetectDominantLanguage "+
			"BatchDetectSentiment", "*"),
		"CostExplorerReadOnlyPolicy": one("", "ce", "GetCostAndUsage GetDimensionValues GetReservationCoverage GetReservationPurchaseRecommendation GetReservationUtilization GetTags", "*"),
		"DynamoDBBackupFullAccessPolicy": {"TableName", []grant{
			{service: "dynamodb", actions: "CreateBackup DescribeContinuousBackups", resources: []string{"dynamodb:" + here + "table/{TableName}"}},
			{service: "dynamodb", actions: "DeleteBackup DescribeBackup ListBackups", resources: []string{"dynamodb:" + here + "table/{TableName}/backup/*"}},
		}},
		"DynamoDBRestoreFromBackupPolicy": {"TableName", []grant{
			{service: "dynamodb", actions: "RestoreTableFromBackup", resources: []string{"dynamodb:" + here + "table/{TableName}/backup/*"}},
			{service: "dynamodb", actions: "PutItem UpdateItem DeleteItem GetItem Query Scan BatchWriteItem", resources: []string{"dynamodb:" + here + "table/{TableName}"}},
		}},
		"DynamoDBStreamReadPolicy": {"StreamName TableName", []grant{
			{service: "dynamodb", actions: "DescribeStream GetRecords GetShardIterator", resources: []string{"dynamodb:" + here + "table/{TableName}/stream/{StreamName}"}},
			{service: "dynamodb", actions: "ListStreams", resources: []string{"dynamodb:" + here + "table/{TableName}/stream/*"}},
		}},
		"EC2CopyImagePolicy": one("ImageId", "ec2", "CopyImage", "ec2:"+here+"image/{ImageId}"),
		"EFSWriteAccessPolicy": {"AccessPoint FileSystem", []grant{
			{service: "elasticfilesystem", actions: "ClientMount ClientWrite", resources: []string{"elasticfilesystem:" + here + "file-system/{FileSystem=FileSystem}"}, key: "elasticfilesystem:AccessPointArn", equals: "elasticfilesystem:" + here + "access-point/{AccessPoint=AccessPoint}"}}},
		"EKSDescribePolicy":                              one("", "eks", "DescribeCluster ListClusters", "*"),
		"EcsRunTaskPolicy":                               one("TaskDefinition", "ecs", "RunTask", "ecs:"+here+"task-definition/{TaskDefinition}"),
		"ElasticMapReduceAddJobFlowStepsPolicy":          one("ClusterId", "elasticmapreduce", "AddJobFlowSteps", "elasticmapreduce:"+here+"cluster/{ClusterId}"),
		"ElasticMapReduceCancelStepsPolicy":              one("ClusterId", "elasticmapreduce", "CancelSteps", "elasticmapreduce:"+here+"cluster/{ClusterId}"),
		"ElasticMapReduceModifyInstanceFleetPolicy":      one("ClusterId", "elasticmapreduce", "ModifyInstanceFleet ListInstanceFleets", "elasticmapreduce:"+here+"cluster/{ClusterId}"),
		"ElasticMapReduceModifyInstanceGroupsPolicy":     one("ClusterId", "elasticmapreduce", "ModifyInstanceGroups ListInstanceGroups", "elasticmapreduce:"+here+"cluster/{ClusterId}"),
		"ElasticMapReduceSetTerminationProtectionPolicy": one("ClusterId", "elasticmapreduce", "SetTerminationProtection", "elasticmapreduce:"+here+"cluster/{ClusterId}"),
		"ElasticMapReduceTerminateJobFlowsPolicy":        one("ClusterId", "elasticmapreduce", "TerminateJobFlows", "elasticmapreduce:"+here+"cluster/{ClusterId}"),
		"ElasticsearchHttpPostPolicy":                    one("DomainName", "es", "ESHttpPost ESHttpPut", "es:"+here+"domain/{DomainName}/*"),
		"FirehoseCrudPolicy":                             one("DeliveryStreamName", "firehose", "CreateDeliveryStream DeleteDeliveryStream DescribeDeliveryStream PutRecord PutRecordBatch UpdateDestination", "firehose:"+here+"deliverystream/{DeliveryStreamName}"),
		"FirehoseWritePolicy":                            one("DeliveryStreamName", "firehose", "PutRecord PutRecordBatch", "firehose:"+here+"deliverystream/{DeliveryStreamName}"),
		"KMSEncryptPolicy_v2":                            one("KeyId", "kms", "Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext", "kms:"+here+"key/{KeyId}"),
		"KinesisCrudPolicy": one("StreamName", "kinesis", "AddTagsToStream CreateStream DecreaseStreamRetentionPeriod DeleteStream DescribeStream DescribeStreamSummary GetShardIterator "+
			"IncreaseStreamRetentionPeriod ListTagsForStream MergeShards PutRecord PutRecords SplitShard RemoveTagsFromStream", "kinesis:"+here+"stream/{StreamName}"),
		"MobileAnalyticsWriteOnlyAccessPolicy": one("", "mobileanalytics", "PutEvents", "*"),
		"OrganizationsListAccountsPolicy":      one("", "organizations", "ListAccounts", "*"),
		"PinpointEndpointAccessPolicy":         one("PinpointApplicationId", "mobiletargeting", "GetEndpoint UpdateEndpoint UpdateEndpointsBatch", "mobiletargeting:"+here+"apps/{PinpointApplicationId}/endpoints/*"),
		"PollyFullAccessPolicy": {"LexiconName", []grant{
			{service: "polly", actions: "GetLexicon DeleteLexicon", resources: []string{"polly:" + here + "lexicon/{LexiconName}"}},
			{service: "polly", actions: "DescribeVoices ListLexicons PutLexicon SynthesizeSpeech", resources: []string{"polly:" + here + "lexicon/*"}},
		}},
		"RekognitionDetectOnlyPolicy":           one("", "rekognition", "DetectFaces DetectLabels DetectModerationLabels DetectText", "*"),
		"RekognitionFacesManagementPolicy":      one("CollectionId", "rekognition", "IndexFaces DeleteFaces SearchFaces SearchFacesByImage ListFaces", "rekognition:"+here+"collection/{CollectionId}"),
		"RekognitionFacesPolicy":                one("", "rekognition", "CompareFaces DetectFaces", "*"),
		"RekognitionLabelsPolicy":               one("", "rekognition", "DetectLabels DetectModerationLabels", "*"),
		"RekognitionNoDataAccessPolicy":         one("CollectionId", "rekognition", "CompareFaces DetectFaces DetectLabels DetectModerationLabels", "rekognition:"+here+"collection/{CollectionId}"),
		"RekognitionReadPolicy":                 one("CollectionId", "rekognition", "ListCollections ListFaces SearchFaces SearchFacesByImage", "rekognition:"+here+"collection/{CollectionId}"),
		"RekognitionWriteOnlyAccessPolicy":      one("CollectionId", "rekognition", "CreateCollection IndexFaces", "rekognition:"+here+"collection/{CollectionId}"),
		"Route53ChangeResourceRecordSetsPolicy": one("HostedZoneId", "route53", "ChangeResourceRecordSets", "route53:::hostedzone/{HostedZoneId=HostedZoneId}"),
		"SESBulkTemplatedCrudPolicy":            one("IdentityName", "ses", "GetIdentityVerificationAttributes SendEmail SendRawEmail SendTemplatedEmail SendBulkTemplatedEmail VerifyEmailIdentity", "ses:"+here+"identity/{IdentityName}"),
		"SESBulkTemplatedCrudPolicy_v2": {"IdentityName TemplateName", []grant{
			{service: "ses", actions: "SendEmail SendRawEmail SendTemplatedEmail SendBulkTemplatedEmail", resources: []string{"ses:" + here + "identity/{IdentityName}", "ses:" + here + "template/{TemplateName}"}},
			{service: "ses", actions: "GetIdentityVerificationAttributes VerifyEmailIdentity", resources: []string{"*"}},
		}},
		"SESCrudPolicy":              one("IdentityName", "ses", "GetIdentityVerificationAttributes SendEmail SendRawEmail VerifyEmailIdentity", "ses:"+here+"identity/{IdentityName}"),
		"SESEmailTemplateCrudPolicy": one("", "ses", "CreateTemplate GetTemplate ListTemplates UpdateTemplate DeleteTemplate TestRenderTemplate", "*"),
		"SNSCrudPolicy":              one("TopicName", "sns", "ListSubscriptionsByTopic CreateTopic SetTopicAttributes Subscribe Publish", "sns:"+here+"{TopicName}*"),
		"SSMParameterWithSlashPrefixReadPolicy": {"ParameterName", []grant{
			{service: "ssm", actions: "DescribeParameters", resources: []string{"*"}},
			{service: "ssm", actions: "GetParameters GetParameter GetParametersByPath", resources: []string{"ssm:" + here + "parameter{ParameterName}"}},
		}},
		"SageMakerCreateEndpointConfigPolicy": one("EndpointConfigName", "sagemaker", "CreateEndpointConfig", "sagemaker:"+here+"endpoint-config/{EndpointConfigName}"),
		"SageMakerCreateEndpointPolicy":       one("EndpointName", "sagemaker", "CreateEndpoint", "sagemaker:"+here+"endpoint/{EndpointName}"),
		"ServerlessRepoReadWriteAccessPolicy": one("", "serverlessrepo", "CreateApplication CreateApplicationVersion UpdateApplication GetApplication ListApplications "+
			"ListApplicationVersions ListApplicationDependencies", "serverlessrepo:"+here+"applications/*"),
		"StepFunctionsCallbackPolicy":     one("StateMachineName", "states", "SendTaskFailure SendTaskHeartbeat SendTaskSuccess", "states:"+here+"stateMachine:{StateMachineName}"),
		"StepFunctionsExecutionPolicy_v2": one("StateMachineName", "states", "StartExecution StartSyncExecution", "states:"+here+"stateMachine:{StateMachineName}"),
		"TextractDetectAnalyzePolicy":     one("", "textract", "DetectDocumentText StartDocumentTextDetection StartDocumentAnalysis AnalyzeDocument", "*"),
		"TextractGetResultPolicy":         one("", "textract", "GetDocumentTextDetection GetDocumentAnalysis", "*"),
		"TextractPolicy":                  one("", "textract", "*", "*"),
	}
}
