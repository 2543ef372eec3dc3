/** Every target, in the order they run. */

import type { Target } from "./target.ts";
import { auditLog } from "./targets/auditLog.ts";
import { auditRecovery } from "./targets/auditRecovery.ts";
import { captureFile } from "./targets/captureFile.ts";
import { casesDocument } from "./targets/casesDocument.ts";
import { caseWords } from "./targets/caseWords.ts";
import { certificate } from "./targets/certificate.ts";
import { dnp3Answer } from "./targets/dnp3Answer.ts";
import { dnp3Fragment } from "./targets/dnp3Fragment.ts";
import { dnp3Session } from "./targets/dnp3Session.ts";
import { dnp3Stream } from "./targets/dnp3Stream.ts";
import { keyFiles } from "./targets/keyFiles.ts";
import { managementQuestion } from "./targets/managementQuestion.ts";
import { mbapStream } from "./targets/mbapStream.ts";
import { modbusAnswer } from "./targets/modbusAnswer.ts";
import { modbusQuirks } from "./targets/modbusQuirks.ts";
import { modbusReply } from "./targets/modbusReply.ts";
import { modbusRequest } from "./targets/modbusRequest.ts";
import { onewayContent } from "./targets/onewayContent.ts";
import { onewayFrame } from "./targets/onewayFrame.ts";
import { onewayReception } from "./targets/onewayReception.ts";
import { pkiIndex } from "./targets/pkiIndex.ts";
import { pointsFile } from "./targets/pointsFile.ts";
import { policyDocument } from "./targets/policyDocument.ts";
import { quantities } from "./targets/quantities.ts";
import { receiveDocument } from "./targets/receiveDocument.ts";
import { revocationList } from "./targets/revocationList.ts";
import { rtuStream } from "./targets/rtuStream.ts";
import { signingRequest } from "./targets/signingRequest.ts";
import { siteDocument } from "./targets/siteDocument.ts";
import { trustStore } from "./targets/trustStore.ts";
import { yamlText } from "./targets/yamlText.ts";

export const TARGETS: readonly Target[] = [
  modbusRequest,
  modbusReply,
  modbusAnswer,
  modbusQuirks,
  mbapStream,
  rtuStream,
  dnp3Fragment,
  dnp3Stream,
  dnp3Session,
  dnp3Answer,
  onewayFrame,
  onewayContent,
  onewayReception,
  captureFile,
  quantities,
  caseWords,
  yamlText,
  siteDocument,
  receiveDocument,
  pointsFile,
  policyDocument,
  casesDocument,
  certificate,
  revocationList,
  signingRequest,
  trustStore,
  keyFiles,
  pkiIndex,
  auditLog,
  auditRecovery,
  managementQuestion,
];
