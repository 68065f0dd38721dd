/** Words of the tag, in English and Chinese. */

/** @typedef {keyof typeof ENGLISH} Name */

const ENGLISH = {
  handOver: "Hand to my agent",
  copyAgain: "Copy the prompt again",
  newPrompt: "New prompt for my agent",
  idle: "Your own AI agent can fill in this form with you. What you type stays yours, and only you submit.",
  waiting: "Paste the prompt into your agent.",
  working: "Your agent is at work.",
  done: "Your agent has finished for now. Fields written: {count}.",
  resumed: "The session goes on.",
  offline: "Not connected. What you type is kept and sent later.",
  crowded: "Open in too many tabs to be live in this one too. What you type is saved; close another tab to see your agent at work.",
  unproven: "The server does not take this page for yours any more. Hand the form over again.",
  expired: "The session has expired. What is in the form stays.",
  revoked: "The session has ended. What is in the form stays.",
  submitted: "Submitted.",
  failed: "That did not work: {reason}",
  claim: "It calls itself {name}.",
  prompt: "Prompt for your agent",
  caution: "Paste it into an agent you trust: whoever has it can fill in this form until it expires.",
  copied: "Copied to the clipboard.",
  notCopied: "Select and copy it.",
  expires: "Expires in {time}.",
  extend: "More time",
  rotate: "New token",
  revoke: "End the session",
  fields: "Who wrote what",
  ai: "Your agent",
  user: "You",
  user_edit: "You, after your agent",
  default: "The page",
  release: "Let the agent write it: “{label}”",
  releaseShort: "Let the agent write it",
  missing: "Still empty:",
  offered: "Your agent wrote into “{label}”, where you are: {value}",
  show: "Show it there",
  problems: "To be looked at:",
  held: "Not submitted yet: look at these first.",
  pending: "Not submitted: the server has not stored what you typed.",
  form: "The form",
  agent: "An agent",
  asks: "{name} asks:",
  suggests: "{name} suggests for “{label}”:",
  source: "From: {source}",
  confidence: "Sure by its own word: {percent} %",
  answer: "Answer",
  yes: "Yes",
  no: "No",
  decline: "Do not answer",
  take: "Accept",
  dismiss: "Dismiss",
  goTo: "Go to the field",
  revert: "Take back what your agent wrote into “{label}”",
  revertShort: "Take back",
  revertAll: "Take back all your agent wrote",
};

/** @type {Record<Name, string>} */
const CHINESE = {
  handOver: "交给我的智能体",
  copyAgain: "再次复制提示词",
  newPrompt: "为我的智能体生成新提示词",
  idle: "您自己的 AI 智能体可以与您一起填写此表单。您输入的内容归您所有，只有您能提交。",
  waiting: "请把提示词粘贴给您的智能体。",
  working: "您的智能体正在填写。",
  done: "您的智能体暂时完成。已填写字段：{count}。",
  resumed: "会话继续。",
  offline: "未连接。您输入的内容会保留并稍后发送。",
  crowded: "打开的标签页过多，此页无法实时更新。您输入的内容会保存；关闭其他标签页即可看到智能体的工作。",
  unproven: "服务器不再认定此页面属于您。请重新交出表单。",
  expired: "会话已过期。表单内容保留不变。",
  revoked: "会话已结束。表单内容保留不变。",
  submitted: "已提交。",
  failed: "操作失败：{reason}",
  claim: "它自称{name}。",
  prompt: "给您的智能体的提示词",
  caution: "请只粘贴给您信任的智能体：在过期之前，持有它的人都能填写此表单。",
  copied: "已复制到剪贴板。",
  notCopied: "请选中并复制。",
  expires: "{time}后过期。",
  extend: "延长时间",
  rotate: "更换令牌",
  revoke: "结束会话",
  fields: "谁写了什么",
  ai: "您的智能体",
  user: "您",
  user_edit: "您（在智能体之后）",
  default: "页面",
  release: "让智能体填写：“{label}”",
  releaseShort: "让智能体填写",
  missing: "仍为空：",
  offered: "您的智能体填写了您正在编辑的“{label}”：{value}",
  show: "在那里显示",
  problems: "请检查：",
  held: "尚未提交：请先查看这些字段。",
  pending: "未提交：服务器尚未保存您输入的内容。",
  form: "表单",
  agent: "一个智能体",
  asks: "{name}提问：",
  suggests: "{name}为“{label}”建议：",
  source: "来源：{source}",
  confidence: "它自称的把握：{percent}%",
  answer: "回答",
  yes: "是",
  no: "否",
  decline: "不回答",
  take: "接受",
  dismiss: "忽略",
  goTo: "转到该字段",
  revert: "撤回智能体填写的“{label}”",
  revertShort: "撤回",
  revertAll: "撤回智能体填写的全部内容",
};

/** A name as a claim, in quotation marks; one that poses as somebody comes with some. @param {string} name */
export function quoted(name) {
  return name === "" || name.startsWith("“") ? name : `“${name}”`;
}

/** The words of one language. */
export class Texts {
  #table;

  /** @param {string} language a BCP 47 tag. */
  constructor(language) {
    this.language = /^zh\b/i.test(language) ? "zh" : "en";
    this.#table = this.language === "zh" ? CHINESE : ENGLISH;
  }

  /** @param {Name} name @param {Record<string, string | number>} [values] */
  say(name, values = {}) {
    return this.#table[name].replace(/\{(\w+)\}/g, (_, key) => String(values[key]));
  }

  /** @param {number} seconds */
  duration(seconds) {
    const [unit, count] = seconds < 60 ? ["second", Math.round(seconds)] : ["minute", Math.round(seconds / 60)];
    return new Intl.NumberFormat(this.language, { style: "unit", unit, unitDisplay: "long" }).format(count);
  }
}
